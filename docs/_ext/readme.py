"""Parts of README.md, so that nothing is said twice: ``readme`` has a section, ``readme-command`` a command that CI runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_README = Path(__file__).parent.parent.parent / "README.md"


class Readme(SphinxDirective):
    """The text below one heading of README.md, without the heading; with ``:titled:``, with it."""

    required_arguments = 1
    final_argument_whitespace = True
    option_spec = {"titled": lambda _: True}  # noqa: RUF012, docutils wants it so

    def run(self) -> list[nodes.Node]:
        """Parsed as Markdown: the page that uses it is Markdown."""
        self.env.note_dependency(str(_README))
        heading = self.arguments[0]
        text = section(heading)
        if text is None:
            raise self.error(f"README.md has no section {heading!r}")
        body, *subsections = _split(text)
        out = self.parse_text_to_nodes(body[1])
        if "titled" in self.options:
            out = [_section(heading, out)]
        # sections are made here: the parser would attach them to the page, before the text that they follow
        below = [_section(title, self.parse_text_to_nodes(part)) for title, part in subsections]
        if "titled" in self.options:
            out[0] += below
            return out
        return [*out, *below]


def _section(title: str, content: list[nodes.Node]) -> nodes.section:
    name = nodes.fully_normalize_name(title)
    return nodes.section("", nodes.title("", title), *content, ids=[nodes.make_id(title)], names=[name])


def _split(text: str) -> list[tuple[str, str]]:
    """The text before the first heading, and each heading with the text below it."""
    parts, fenced = [("", "")], False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and line.startswith("#"):
            parts.append((line.strip("# "), ""))
        else:
            parts[-1] = (parts[-1][0], f"{parts[-1][1]}{line}\n")
    return parts


class ReadmeCommand(SphinxDirective):
    """The command of README.md that continuous integration runs below the mark ``<!-- ci: NAME -->``."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A block of shell."""
        self.env.note_dependency(str(_README))
        marked = re.escape(f"<!-- ci: {self.arguments[0]} -->")
        found = re.search(rf"{marked}\n(```bash\n.*?```)", _README.read_text(encoding="utf-8"), re.DOTALL)
        if found is None:
            raise self.error(f"README.md has no command marked {self.arguments[0]!r}")
        return self.parse_text_to_nodes(found[1])


def section(heading: str) -> str | None:
    """The text below a heading of README.md up to the next heading of its level or above; None if there is none."""
    lines, level, fenced, taken = _README.read_text(encoding="utf-8").splitlines(), 0, False, []
    for line in lines:
        fenced ^= line.startswith("```")
        marks = 0 if fenced else len(line) - len(line.lstrip("#"))
        if level and 0 < marks <= level:
            break
        if level:
            taken.append(line)
        elif marks and line.strip("# ") == heading:
            level = marks
    text = "\n".join(taken)
    text = re.sub(r"<!--.*?-->\n?", "", text)
    return re.sub(r"\]\((?:\./)?docs/", "](", text) if level else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("readme", Readme)
    app.add_directive("readme-command", ReadmeCommand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
