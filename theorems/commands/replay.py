"""``theorems replay``: run the script of a counterexample again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from theorems.commands.console import EXIT_EXPECTED, EXIT_UNEXPECTED
from theorems.commands.terminal import out
from theorems.evidence.file import versions


def replay_command(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="scripts that `check` or `falsify` wrote"),
    ],
    *,
    show: Annotated[
        bool, typer.Option("--show", help="only say what is recorded; run nothing")
    ] = False,
) -> None:
    """Run counterexamples again and compare with what was recorded: 0 all still refute, 1 one does
    not, 2 one cannot run.

    A counterexample is a program: read it first if somebody sent it to you.
    """
    from theorems.counterexamples.replaying import recorded, replay
    from theorems.impl.errors import InputError

    known = {path: recorded(path) for path in files}
    agree = True
    for path, found in known.items():
        then = found["versions"]
        now = {name: number for name, number in versions().items() if name in then}
        out.print(f"[bold]{path.name}[/]", highlight=False)
        out.print(
            f"  recorded: {found['claim']}: {found['outcome']}, residual {found['residual']}, "
            f"bound {found['bound']}, seed {found['seed']}",
            highlight=False,
            markup=False,
        )
        out.print(f"  then: {_listed(then)}", highlight=False)
        if show:
            continue
        out.print(
            f"  now:  {_listed(now)}" + ("" if now != then else ", the same"), highlight=False
        )
        again = replay(path)
        if not again.outcome:
            reason = (again.errors.strip().splitlines() or ["it printed no verdict"])[-1]
            raise InputError(f"expected {path} to run here, but {reason}")
        agree &= again.reproduces
        for line in again.output.strip().splitlines():
            out.print(f"    {line}", highlight=False, markup=False, style="dim")
        colour = "green" if again.reproduces else "bold red"
        said = "reproduces" if again.reproduces else f"no longer reproduces: {again.outcome} here"
        out.print(f"  [{colour}]{said}[/]", highlight=False)
    raise typer.Exit(EXIT_EXPECTED if agree else EXIT_UNEXPECTED)


def _listed(found: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in found.items())
