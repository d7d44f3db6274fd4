"""The command ``theorems``: check the catalogue, or a network of yours, and read the statements."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from theorems.commands.audit import audit_command
from theorems.commands.badges import badges_command
from theorems.commands.check import check_command
from theorems.commands.console import DEBUG, EXIT_USAGE, print_error
from theorems.commands.endings import broke, ending, signals
from theorems.commands.errata import errata_command
from theorems.commands.experiment import experiment_command
from theorems.commands.falsify import falsify_command
from theorems.commands.plant import plant_command
from theorems.commands.plot import plot_command
from theorems.commands.prove import prove_command
from theorems.commands.read import list_command, show_command
from theorems.commands.replay import replay_command
from theorems.commands.report import report_command
from theorems.commands.sweep import sweep_command
from theorems.commands.terminal import out

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A suite in which every theorem runs. Exit codes: 0 everything came out as expected, 1 "
    "something did not, 2 usage, input that cannot be judged, a file that cannot be written, 3 "
    "undecided or nothing applied, 70 an error of this program, 130 interrupted.",
)
_COMMANDS: dict[str, Callable[..., None]] = {
    "check": check_command,
    "falsify": falsify_command,
    "prove": prove_command,
    "plant": plant_command,
    "audit": audit_command,
    "sweep": sweep_command,
    "list": list_command,
    "show": show_command,
    "errata": errata_command,
    "experiment": experiment_command,
    "plot": plot_command,
    "badges": badges_command,
    "report": report_command,
    "replay": replay_command,
}
for _name, _command in _COMMANDS.items():
    app.command(_name)(ending(_command))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        out.print(f"theorems {version('theorems')}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    *,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="show the traceback of an error, for whoever wrote the claim"),
    ] = False,
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="say which version this is"
        ),
    ] = False,
) -> None:
    """A suite in which every theorem runs."""
    DEBUG[0] = debug


def main() -> None:
    """Run the command; input that cannot be judged is one line on stderr and exit code 2, an error
    of ours is 70.
    """
    from theorems.impl.errors import InputError

    if not sys.argv[1:]:  # versions of click disagree on the exit code
        app(["--help"], standalone_mode=False)
        raise SystemExit(EXIT_USAGE)
    try:
        with signals():
            app()
    except InputError as error:
        print_error(str(error))
        raise SystemExit(EXIT_USAGE) from None
    except Exception as error:  # noqa: BLE001
        raise SystemExit(broke(error)) from None
