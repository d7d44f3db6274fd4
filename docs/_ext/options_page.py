"""The directive ``command-options``: every command with every argument and option, as the command
itself says them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

from theorems.cli import app

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_OWN = {"help", "install_completion", "show_completion"}


class CommandOptions(SphinxDirective):
    """A section per command."""

    def run(self) -> list[nodes.Node]:
        """Sections of the page that is written."""
        return [self._section(name, *what) for name, what in commands().items()]

    def _section(self, name: str, about: str, options: list[tuple[str, str]]) -> nodes.section:
        title = nodes.title("", "", nodes.literal("", name))
        section = nodes.section(
            "", title, nodes.paragraph("", about), ids=[nodes.make_id(name)], names=[name]
        )
        listed = nodes.definition_list()
        for words, text in options:
            term = nodes.term("", "", nodes.literal("", words))
            listed += nodes.definition_list_item(
                "", term, nodes.definition("", nodes.paragraph("", text))
            )
        if options:
            section.append(listed)
        return section


def commands() -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """By command: what it does, and (spelling, explanation) of every argument and option."""
    group: Any = get_command(app)
    found = {"theorems": ("Before any command:", _options(group))}
    for name, command in group.commands.items():
        about = " ".join((command.help or "").split())
        found[f"theorems {name}"] = about, _options(command)
    return found


def _options(command: Any) -> list[tuple[str, str]]:
    return [_spelled(p) for p in command.params if p.name not in _OWN]


def _spelled(parameter: Any) -> tuple[str, str]:
    text = " ".join((getattr(parameter, "help", None) or "").split())
    if parameter.param_type_name == "argument":
        return parameter.metavar or parameter.human_readable_name.upper(), text
    words = ", ".join([*parameter.opts, *parameter.secondary_opts])
    takes = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    default = parameter.default
    told = (
        isinstance(default, int | float | str)
        and not isinstance(default, bool)
        and "default" not in text
    )
    return words + takes, f"{text} (default {default})" if told and default != "" else text


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("command-options", CommandOptions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
