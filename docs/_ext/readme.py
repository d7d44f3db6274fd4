"""The directive ``readme-command``: a command of README.md that continuous integration runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_README = Path(__file__).parent.parent.parent / "README.md"


class ReadmeCommand(SphinxDirective):
    """The command of README.md that continuous integration runs below the mark ``<!-- ci: NAME
    -->``.
    """

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A block of shell."""
        self.env.note_dependency(str(_README))
        marked = re.escape(f"<!-- ci: {self.arguments[0]} -->")
        found = re.search(
            rf"{marked}\n(```bash\n.*?```)", _README.read_text(encoding="utf-8"), re.DOTALL
        )
        if found is None:
            raise self.error(f"README.md has no command marked {self.arguments[0]!r}")
        return self.parse_text_to_nodes(found[1])


def setup(app: Sphinx) -> dict[str, Any]:
    """Make the directive known."""
    app.add_directive("readme-command", ReadmeCommand)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
