"""Options of the plugin, each with a twin in the ini file, and what they mean."""

from __future__ import annotations

import difflib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

_GRADES = ("STATISTICAL", "NUMERICAL", "CERTIFIED", "EXACT")
_EXAMPLES, _SEED = 100, 0
_LARGEST_SEED = 2**63 - 1

TEXTS = {
    "model": ("FILE.py:FACTORY", "check this network, or package.module:FACTORY, instead of drawn ones"),
    "examples": ("N", f"instances to draw per claim (default {_EXAMPLES})"),
    "seed": ("S", f"of the search, and of noise inside a model (default {_SEED}), or random: printed"),
    "json": ("FILE", "write the evidence there; report and badges are made of it"),
    "html": ("FILE", "write the report there: one page, no network"),
    "badges": ("DIR", "write badges there: per claim, per paper, for the whole suite"),
    "counterexamples": ("DIR", "write a script there for every refutation of a claim that was collected"),
    "markdown": ("FILE", "write a summary there, and append it to $GITHUB_STEP_SUMMARY if that is set"),
    "fail_under": (
        "GRADE",
        "fail if a claim that was run earned less than EXACT > CERTIFIED > NUMERICAL > STATISTICAL",
    ),
}
_FILES = ("json", "html", "markdown")
_FOLDERS = ("badges", "counterexamples")


@dataclass(frozen=True)
class Options:
    """What is asked for.

    Args:
        collect: whether claims are collected as test items.
        claims: names or globs; none of them means the whole catalogue.
        model: the factory of a network, or None for drawn ones.
        examples: instances to draw per claim.
        seed: of the search.
        json: where the evidence goes.
        html: where the report goes.
        badges: the folder for badges.
        counterexamples: the folder for scripts of refutations.
        markdown: where the summary goes.
        fail_under: the name of the weakest grade that is good enough.
    """

    collect: bool = False
    claims: tuple[str, ...] = ()
    model: str | None = None
    examples: int = _EXAMPLES
    seed: int = _SEED
    json: Path | None = None
    html: Path | None = None
    badges: Path | None = None
    counterexamples: Path | None = None
    markdown: Path | None = None
    fail_under: str | None = None

    @property
    def in_use(self) -> bool:
        """Whether anything is asked for."""
        outputs = (self.json, self.html, self.badges, self.counterexamples, self.markdown)
        return self.collect or any((*outputs, self.fail_under))

    @property
    def profile(self) -> str:
        """How instances come about, in a few words."""
        return "default" if self.model is None else f"model {self.model}"


def add_options(parser: pytest.Parser) -> None:
    """Add every option and its twin."""
    group = parser.getgroup("theorems", "theorems: claims about feature learning as tests")
    group.addoption("--theorems", action="store_true", help="collect claims as test items")
    parser.addini(
        "theorems", "collect claims as test items where pytest is run without paths", type="bool", default=False
    )
    help_ = "collect only these claims, by name or glob (repeatable; implies --theorems)"
    group.addoption("--claim", action="append", metavar="GLOB", dest="theorems_claims", help=help_)
    parser.addini("theorems_claims", "claims by name or glob", type="args")
    for name, (metavar, text) in TEXTS.items():
        flag = "--theorems-" + name.replace("_", "-")
        group.addoption(flag, metavar=metavar, dest=f"theorems_{name}", default=None, help=text)
        parser.addini(f"theorems_{name}", text, default="")


def read_options(config: pytest.Config, asked: Sequence[str]) -> Options:
    """What command line and ini file ask for; ``asked`` are claims given by node id.

    Raises:
        UsageError: for a value that means nothing; one line that says what came and what was wanted.
    """
    given = {name: config.getoption(f"theorems_{name}") for name in TEXTS}
    claims = (*asked, *(config.getoption("theorems_claims") or ()))
    wanted = config.getoption("theorems") or claims or any(given[name] for name in ("model", "examples", "seed"))
    everywhere = config.args_source is not pytest.Config.ArgsSource.ARGS
    collect = bool(wanted or (config.getini("theorems") and everywhere))
    values = {name: _value(config, name, given[name]) for name in TEXTS}
    for name in _FILES:
        _require_writable("--theorems-" + name, values[name])
    for name in _FOLDERS:
        _require_folder("--theorems-" + name, values[name])
    return Options(
        collect=collect,
        claims=tuple(claims or config.getini("theorems_claims")),
        model=values["model"],
        examples=_integer("--theorems-examples", values["examples"], _EXAMPLES, least=1),
        seed=_integer("--theorems-seed", _drawn(config, values["seed"]), _SEED, least=0),
        fail_under=_grade(values["fail_under"]),
        **{name: Path(value) if (value := values[name]) is not None else None for name in (*_FILES, *_FOLDERS)},
    )


def _value(config: pytest.Config, name: str, given: str | None) -> str | None:
    """The command line's value, else the ini file's, whose paths start at the ini file."""
    if given is not None:
        if not given.strip():
            metavar = TEXTS[name][0]
            raise pytest.UsageError(f"expected --theorems-{name.replace('_', '-')} {metavar}, got nothing")
        return given if name not in (*_FILES, *_FOLDERS) else str(config.invocation_params.dir / given)
    found = str(config.getini(f"theorems_{name}")).strip()
    if not found:
        return None
    path, colon, factory = found.rpartition(":")
    if name == "model" and path.endswith(".py"):
        return f"{config.rootpath / path}{colon}{factory}"
    return found if name not in (*_FILES, *_FOLDERS) else str(config.rootpath / found)


def _drawn(config: pytest.Config, value: str | None) -> str | None:
    """For "random" a seed that nobody knew, the same one in every worker (which pytest-xdist gives these options)."""
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
    raise pytest.UsageError(f"expected --theorems-fail-under {', '.join(reversed(_GRADES))}, got {value!r}{hint}")


def _require_writable(option: str, path: str | None) -> None:
    """Refuse before any work is done."""
    if path is None:
        return
    if Path(path).is_dir():
        raise pytest.UsageError(f"expected {option} to be a file, got the folder {path!r}")
    if not Path(path).parent.is_dir():
        raise pytest.UsageError(f"expected {option} in an existing folder, got {path!r}")


def _require_folder(option: str, path: str | None) -> None:
    """Refuse what cannot be made a folder before any work is done."""
    if path is not None:
        there = next(part for part in (Path(path), *Path(path).parents) if part.exists())
        if not there.is_dir():
            raise pytest.UsageError(f"expected {option} to be a folder, got the file {str(there)!r}")
