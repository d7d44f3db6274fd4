"""No page loads anything from elsewhere: fonts, scripts, styles and pictures are in the site, or
the build warns.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util import logging

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LOGGER = logging.getLogger(__name__)
_LOADS = re.compile(
    r"""<(?:script|img|iframe|source|object|link)\b[^>]*\b(?:src|href|data)=["']?((?:https?:)?//[^"'\s>]+)""",
    re.IGNORECASE,
)
_STYLES = re.compile(r"""(?:@import\s+|url\()["']?((?:https?:)?//[^"')\s]+)""")


def elsewhere(text: str, suffix: str) -> list[str]:
    """Addresses that a page or a style sheet loads from another host; links that a reader may
    follow are none.
    """
    return (_LOADS.findall(text) if suffix == ".html" else []) + _STYLES.findall(text)


def _look(app: Sphinx, error: Exception | None) -> None:
    if error is not None or app.builder.format != "html":
        return
    for path in sorted(p for p in Path(app.outdir).rglob("*") if p.suffix in {".html", ".css"}):
        for address in elsewhere(path.read_text(encoding="utf-8"), path.suffix):
            _LOGGER.warning("%s loads %s", path.relative_to(app.outdir), address, type="offline")


def setup(app: Sphinx) -> dict[str, Any]:
    """Look when the site is written."""
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
