"""The command ``theorems``: check the catalogue, or a network of yours, and read the statements."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from theorems.commands.audit import audit_command
from theorems.commands.badges import badges_command
from theorems.commands.check import check_command
from theorems.commands.console import EXIT_USAGE, err
from theorems.commands.errata import errata_command
from theorems.commands.falsify import falsify_command
from theorems.commands.plant import plant_command
from theorems.commands.plot import plot_command
from theorems.commands.read import list_command, show_command
from theorems.commands.replay import replay_command
from theorems.commands.report import report_command

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="A suite in which every theorem runs. Exit codes: 0 everything came out as expected, 1 something did not, "
    "2 usage, input that cannot be judged or a crash, 3 undecided or nothing applied.",
)
app.command("check")(check_command)
app.command("falsify")(falsify_command)
app.command("plant")(plant_command)
app.command("audit")(audit_command)
app.command("list")(list_command)
app.command("show")(show_command)
app.command("errata")(errata_command)
app.command("plot")(plot_command)
app.command("badges")(badges_command)
app.command("report")(report_command)
app.command("replay")(replay_command)


@app.callback()
def options(
    *,
    debug: Annotated[
        bool, typer.Option("--debug", help="show the traceback of an error, for whoever wrote the claim")
    ] = False,
) -> None:
    """A suite in which every theorem runs."""
    _debug[0] = debug


_debug = [False]


def main() -> None:
    """Run the command; input that cannot be judged is one line on stderr and exit code 2."""
    from impl.errors import InputError

    try:
        app()
    except InputError as error:
        if _debug[0]:
            err.print_exception()
        err.print(f"[bold red]error:[/] {escape(' '.join(str(error).split()))}", highlight=False, soft_wrap=True)
        raise SystemExit(EXIT_USAGE) from None
    except Exception as error:  # noqa: BLE001 - a crash is no refutation: Python would exit with the code of one
        from impl.errors import crash

        if _debug[0]:
            err.print_exception()
        hint = "" if _debug[0] else "; theorems --debug shows where"
        err.print(f"[bold red]crash:[/] {escape(crash(error))}{hint}", highlight=False, soft_wrap=True)
        raise SystemExit(EXIT_USAGE) from None
