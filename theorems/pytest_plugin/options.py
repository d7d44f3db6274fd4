"""Options of the plugin, each with a twin in the ini file, and what they mean."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_GRADES = ("STATISTICAL", "NUMERICAL", "CERTIFIED", "EXACT", "PROVED")
_EXAMPLES, _SEED = 100, 0
_LARGEST_SEED = 2**63 - 1

TEXTS = {
    "model": (
        "FILE.py:FACTORY",
        "check this network, or package.module:FACTORY, instead of drawn ones",
    ),
    "examples": ("N", f"instances to draw per claim (default {_EXAMPLES})"),
    "seed": (
        "S",
        f"of the search, and of noise inside a model (default {_SEED}), or random: printed",
    ),
    "json": ("FILE", "write the evidence there; report and badges are made of it"),
    "html": ("FILE", "write the report there: one page, no network"),
    "badges": ("DIR", "write badges there: per claim, per paper, for the whole suite"),
    "counterexamples": (
        "DIR",
        "write a script there for every refutation of a claim that was collected",
    ),
    "markdown": (
        "FILE",
        "write a summary there, and append it to $GITHUB_STEP_SUMMARY if that is set",
    ),
    "fail_under": (
        "GRADE",
        (
            "fail if a claim that was run earned less than PROVED > EXACT > CERTIFIED > "
            "NUMERICAL > STATISTICAL"
        ),
    ),
}
_FILES = ("json", "html", "markdown")
_FOLDERS = ("badges", "counterexamples")
_NARROWING = ("-k", "-m", "--deselect", "--lf", "--last-failed", "--sw", "--stepwise")
"""What leaves tests out, typed by hand: in the ini file it is what the repository means."""


TYPED = pytest.StashKey[bool]()
"""Whether claims were asked for by hand."""


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        collect: whether claims are collected as test items.
        claims: names or globs; none of them means the whole catalogue.
        experiments: on trained networks, by name or glob; none of them means none.
        model: the factory of a network, or None for drawn ones.
        examples: instances to draw per claim.
        seed: of the search.
        json: where the evidence goes.
        html: where the report goes.
        badges: the folder for badges.
        counterexamples: the folder for scripts of refutations.
        markdown: where the summary goes.
        fail_under: the name of the weakest grade that is good enough.
        planned: the claims that outputs are about, by name or glob, or None if they are about tied
            tests alone: what a file asks for is not narrowed by what is typed besides.
        narrowed: whether something typed by hand leaves tests out.
    """

    collect: bool = False
    claims: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    model: str | None = None
    examples: int = _EXAMPLES
    seed: int = _SEED
    json: Path | None = None
    html: Path | None = None
    badges: Path | None = None
    counterexamples: Path | None = None
    markdown: Path | None = None
    fail_under: str | None = None
    planned: tuple[str, ...] | None = None
    narrowed: bool = False

    @property
    def in_use(self) -> bool:
        """Whether anything is asked for."""
        wanted = (self.experiments, self.outputs, self.counterexamples, self.fail_under)
        return self.collect or any(wanted)

    @property
    def outputs(self) -> bool:
        """Whether anything is to be made of the evidence."""
        return any((self.json, self.html, self.badges, self.markdown))

    @property
    def profile(self) -> str:
        """How instances come about, in a few words."""
        return "default" if self.model is None else f"model {self.model}"


def add_options(parser: pytest.Parser) -> None:
    """Add every option and its twin."""
    group = parser.getgroup("theorems", "theorems: claims about feature learning as tests")
    group.addoption("--theorems", action="store_true", help="collect claims as test items")
    parser.addini(
        "theorems",
        "collect claims as test items, unless single files are asked for",
        type="bool",
        default=False,
    )
    group.addoption(
        "--no-theorems", action="store_true", help="collect no claims and write nothing about them"
    )
    help_ = "collect only these claims, by name or glob (repeatable; implies --theorems)"
    group.addoption("--claim", action="append", metavar="GLOB", dest="theorems_claims", help=help_)
    parser.addini("theorems_claims", "claims by name or glob", type="args")
    help_ = "collect these experiments too, trained small, by name or glob (repeatable)"
    group.addoption(
        "--experiment", action="append", metavar="GLOB", dest="theorems_experiments", help=help_
    )
    parser.addini("theorems_experiments", "experiments by name or glob", type="args")
    for name, (metavar, text) in TEXTS.items():
        flag = "--theorems-" + name.replace("_", "-")
        group.addoption(flag, metavar=metavar, dest=f"theorems_{name}", default=None, help=text)
        parser.addini(f"theorems_{name}", text, default="")


def read_options(config: pytest.Config, asked: Sequence[str]) -> Options:
    """What command line and ini file ask for; ``asked`` are claims given by node id.

    Raises:
        UsageError: for a value that means nothing; one line that says what came and what was
            wanted.
    """
    if config.getoption("no_theorems"):
        return Options()
    given = {name: config.getoption(f"theorems_{name}") for name in TEXTS}
    claims = (*asked, *(config.getoption("theorems_claims") or ()))
    by_option = (
        config.getoption("theorems")
        or claims
        or any(given[name] for name in ("model", "examples", "seed"))
    )
    wanted = bool(by_option or config.getini("theorems"))
    collect = wanted and (_typed(config, asked) or not _single_files(config))
    values = {name: _value(config, name, given[name]) for name in TEXTS}
    _require_targets(values)
    return Options(
        collect=collect,
        claims=tuple(claims or config.getini("theorems_claims")),
        experiments=_experiments(config),
        planned=_planned(config, given) if wanted else None,
        narrowed=bool(asked)
        or _single_files(config)
        or any(_by_hand(config, option) for option in _NARROWING),
        model=values["model"],
        examples=_integer("--theorems-examples", values["examples"], _EXAMPLES, least=1),
        seed=_integer("--theorems-seed", _drawn(config, values["seed"]), _SEED, least=0),
        fail_under=_grade(values["fail_under"]),
        **{
            name: Path(value) if (value := values[name]) is not None else None
            for name in (*_FILES, *_FOLDERS)
        },
    )


def _experiments(config: pytest.Config) -> tuple[str, ...]:
    """Those that were typed, else those of the ini file unless single files are asked for."""
    typed = config.getoption("theorems_experiments")
    return tuple(typed or (() if _single_files(config) else config.getini("theorems_experiments")))


def _by_hand(config: pytest.Config, option: str) -> bool:
    """Whether an option was typed, and does not stand in ``addopts`` or the environment."""
    short = len(option) == 2
    return any(
        argument == option or argument.startswith(option if short else f"{option}=")
        for argument in map(str, config.invocation_params.args)
    )


def _typed(config: pytest.Config, asked: Sequence[str]) -> bool:
    """Whether claims were asked for by hand; the workers of pytest-xdist learn it from their
    controller.
    """
    ours = ("--theorems", "--claim", "--theorems-model", "--theorems-examples", "--theorems-seed")
    if hasattr(config, "workerinput"):
        return bool(config.workerinput["theorems_typed"])
    typed = bool(asked) or any(_by_hand(config, option) for option in ours)
    config.stash[TYPED] = typed
    return typed


def _single_files(config: pytest.Config) -> bool:
    """Whether nothing but files, or tests in them, is asked for."""
    paths = [str(argument).split("::")[0] for argument in config.args]
    typed = config.args_source is pytest.Config.ArgsSource.ARGS
    return (
        typed
        and bool(paths)
        and not any((config.invocation_params.dir / path).is_dir() for path in paths)
    )


def _planned(config: pytest.Config, given: dict[str, str | None]) -> tuple[str, ...]:
    """The claims that the outputs are about; empty for the whole catalogue."""
    ours = tuple(config.getoption("theorems_claims") or ())
    outputs = [
        name for name in (*_FILES, "badges") if given[name] or config.getini(f"theorems_{name}")
    ]
    standing = any(not _by_hand(config, f"--theorems-{name}") for name in outputs)
    if standing:  # a file says what is written, so a file says about what
        typed = list(_claims_by_hand(config))
        ours = tuple(claim for claim in ours if claim not in typed)
    return ours or tuple(config.getini("theorems_claims"))


def _claims_by_hand(config: pytest.Config) -> Iterator[str]:
    arguments = list(map(str, config.invocation_params.args))
    for before, argument in zip(["", *arguments], arguments, strict=False):
        if before == "--claim":
            yield argument
        elif argument.startswith("--claim="):
            yield argument.removeprefix("--claim=")


def _value(config: pytest.Config, name: str, given: str | None) -> str | None:
    """The command line's value, else the ini file's, whose paths start at the ini file."""
    if given is not None:
        if not given.strip():
            metavar = TEXTS[name][0]
            raise pytest.UsageError(
                f"expected --theorems-{name.replace('_', '-')} {metavar}, got nothing"
            )
        return (
            given if name not in (*_FILES, *_FOLDERS) else str(config.invocation_params.dir / given)
        )
    found = str(config.getini(f"theorems_{name}")).strip()
    if not found:
        return None
    path, colon, factory = found.rpartition(":")
    if name == "model" and path.endswith(".py"):
        return f"{config.rootpath / path}{colon}{factory}"
    return found if name not in (*_FILES, *_FOLDERS) else str(config.rootpath / found)


def _drawn(config: pytest.Config, value: str | None) -> str | None:
    """For "random" a seed that nobody knew, the same one in every worker (which pytest-xdist gives
    these options).
    """
    if value == "random":
        value = str(secrets.randbits(40))
        config.option.theorems_seed = value
    return value


def _integer(option: str, value: str | None, default: int, *, least: int) -> int:
    if value is None:
        return default
    try:
        number = int(value)
    except ValueError:
        raise pytest.UsageError(f"expected {option} to be an integer, got {value!r}") from None
    if not least <= number <= _LARGEST_SEED:
        raise pytest.UsageError(f"expected {option} from {least} to 2^63 − 1, got {number}")
    return number


def _grade(value: str | None) -> str | None:
    if value is None or value.upper() in _GRADES:
        return value and value.upper()
    near = difflib.get_close_matches(value.upper(), _GRADES, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise pytest.UsageError(
        f"expected --theorems-fail-under {', '.join(reversed(_GRADES))}, got {value!r}{hint}"
    )


def _require_targets(values: dict[str, str | None]) -> None:
    """Refuse what cannot be written before any work is done."""
    if not any(values[name] for name in (*_FILES, *_FOLDERS)):
        return
    from theorems.files import require_folder, require_target
    from theorems.impl.errors import InputError

    try:
        for names, check in ((_FILES, require_target), (_FOLDERS, require_folder)):
            for name in names:
                path = values[name]
                check(None if path is None else Path(path), f"--theorems-{name}")
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
