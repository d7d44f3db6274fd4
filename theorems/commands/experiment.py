"""``theorems experiment``: what the papers say of trained networks, tried on networks that are
trained now.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from theorems.commands.console import header, require_report, require_writable, seed_option
from theorems.commands.running import Run
from theorems.commands.terminal import Target, out, progress
from theorems.files import replace_file, require_folder
from theorems.impl.errors import InputError, require

if TYPE_CHECKING:
    from theorems.experiments.experiment import Experiment


def experiment_command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="experiments, by name or glob; "  # noqa: E501
            "none: they are listed")] = None,
    scale: Annotated[str, typer.Option(metavar="smoke|default|paper", help="how large: seconds, minutes "  # noqa: E501
            "or hours each")] = "default",
    seed: Annotated[int, seed_option("of the replicates, which have the seeds 1000·N, 1000·N + "
            "1, …")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="write the evidence there; - "  # noqa: E501
            "is standard output")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="write the report there (the "  # noqa: E501
            "extra report)")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="keep finished replicates there, for a "
                "run that is cut short, and write figures there"),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="processes that train side by side")] = 2,
    *,
    every: Annotated[bool, typer.Option("--all", help="every experiment")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="keep what the file of --json says of "
            "the other experiments")] = False,
) -> None:  # fmt: skip
    """Train networks and judge what the papers say of them: HOLDS, REFUTED or UNDECIDED, with the
    effect and its interval.
    """
    with Target(json_file).alone():
        if not names and not every:
            require(
                json_file is None and html is None,
                "expected the name of an experiment, or --all, got neither",
            )
            _print_list()
            return
        chosen = selected([] if every else names or [])
        require(
            scale in chosen[0].scales,
            f"expected --scale among {', '.join(chosen[0].scales)}, got {scale!r}",
        )
        require_writable(json_file)
        require_report(html, "--html")
        require_folder(folder, "--output")
        require(
            not merge or (json_file is not None and not Target(json_file).is_stdout),
            "expected --json FILE for --merge, got no file",
        )
        header(seed, None)
        raise typer.Exit(_run(chosen, scale, seed, (json_file, html), folder, jobs, merge=merge))


def selected(names: Iterable[str]) -> list[Experiment]:
    """Experiments by exact name or glob; all of them for no name.

    Raises:
        InputError: for a name that matches nothing, with the nearest ones.
    """
    from theorems.experiments import EXPERIMENTS

    chosen: list[Experiment] = []
    for name in names:
        found = [one for one in EXPERIMENTS if fnmatchcase(one.name, name)]
        if not found:
            near = difflib.get_close_matches(
                name, [one.name for one in EXPERIMENTS], n=3, cutoff=0.4
            )
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(
                "expected the name of an experiment (see `theorems experiment`), got "
                f"{name!r}{hint}"
            )
        chosen += [one for one in found if one not in chosen]
    return chosen or list(EXPERIMENTS)


def _print_list() -> None:
    from theorems.experiments import EXPERIMENTS

    for one in EXPERIMENTS:
        times = ", ".join(f"{name} {size.time}" for name, size in one.scales.items())
        out.print(
            f"[bold]{one.name}[/] [dim]arXiv:{one.claim.source.arxiv}; {times}[/]\n    "
            f"{escape(one.claim.summary)}",
            highlight=False,
        )


def _run(
    chosen: list[Experiment], scale: str, seed: int, files: tuple[Path | None, Path | None], folder: Path | None, jobs: int,  # noqa: E501
    *, merge: bool,
) -> int:  # fmt: skip
    from theorems.experiments.experiment import ALARM
    from theorems.experiments.running import Blocks, blocks_of, run

    judging = Run([one.claim for one in chosen], streaming=True)
    blocks = Blocks(None if folder is None else folder / "replicates")
    total = sum(len(blocks_of(one.scale(scale), seed)) for one in chosen)
    with judging, progress() as bar:
        task = bar.add_task("", total=total)
        for at, one in enumerate(chosen):
            bar.update(task, description=f"experiment {at + 1} of {len(chosen)}: {one.name}")
            with judging.judging(one.claim):
                entry = run(
                    one,
                    scale=scale,
                    seed=seed,
                    blocks=blocks,
                    jobs=jobs,
                    on_block=lambda: bar.advance(task),
                )
                judging.add(entry)
                if folder is not None:
                    _draw(folder, entry)
    judging.print_table()
    for entry in judging.entries.values():
        _print_effects(entry)
    judged = sum(entry["outcome"] is not None for entry in judging.entries.values())
    alarm = min(1.0, ALARM * judged) if judged else None
    if alarm is not None:
        out.print(
            "[dim]chance alone decides an experiment of this run wrongly with probability "
            f"at most {alarm:.2g}[/]",
            highlight=False,
        )
    judging.print_sum()
    if merge:
        from theorems.experiments import EXPERIMENTS

        # what was not chosen was not run, and is taken from the file
        judging.claims = [one.claim for one in EXPERIMENTS]
    judging.write(
        files,
        seed=seed,
        profile=f"experiments, scale {scale}",
        false_alarm=alarm,
        narrowed=merge and len(chosen) < len(judging.claims),
    )
    return judging.exit_code


def _draw(folder: Path, entry: dict[str, Any]) -> None:
    from theorems.experiments.figures import rendered

    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / f"{entry['name']}.svg", rendered(entry))


def _print_effects(entry: dict[str, Any]) -> None:
    from theorems.experiments.experiment import wanting

    told = entry.get("experiment")
    if told is None:
        return
    out.print(
        f"\n[bold]{entry['name']}[/] [dim]effect in {escape(told['unit'])}[/]", highlight=False
    )
    for effect in told["effects"]:
        ends = [effect["low"], effect["high"]]
        interval = "no interval" if None in ends else f"[{ends[0]:.3g}, {ends[1]:.3g}]"
        more = wanting(effect, told)
        above = (
            f"above {effect['margin']:g} in {effect['above']} of {told['replicates']} seeds{more}"
        )
        out.print(
            f"  {effect['part']}: {effect['median']:.3g} {interval}, {above}",
            highlight=False,
            markup=False,
        )
    missed = [mutant["name"] for mutant in entry["mutants"]["each"] if not mutant["refuted"]]
    if missed:
        out.print(f"  [yellow]not refuted: {escape(', '.join(missed))}[/]", highlight=False)
    if told["news"]:
        out.print(f"  {escape(told['news'])}", highlight=False)
