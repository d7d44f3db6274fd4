"""The table of contents as records, for whoever reads it: kept in ``contents.json``, so that to
list claims imports no claim.

The file is written by ``python -m theorems.evidence.contents`` and never by hand;
`tests/evidence/test_contents.py` holds it to the claims. It knows digests of the source files that
it was made of: while one of them is being changed, the records are made from the claims themselves.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from theorems.checking.records import Record, described
from theorems.files import replace_file
from theorems.papers import PAPERS

if TYPE_CHECKING:
    from theorems.claim import Claim

FILE = Path(__file__).with_name("contents.json")
_ROOT = Path(__file__).parent.parent
EXPERIMENTS_FILE = _ROOT / "experiments" / "contents.json"
"""The same of the experiments; `theorems.experiments.contents` writes it."""


def listed(claim: Claim) -> Record:
    """What ``list --json`` says of a claim."""
    about = described(claim)
    hypotheses = [
        {"name": name, "checked": h.check is not None} for name, h in claim.hypotheses.items()
    ]
    return about | {
        "instance": claim.subject.__name__,
        "hypotheses": hypotheses,
        "mutants": list(claim.mutants),
    }


def contents() -> tuple[Record, list[Record]]:
    """The precondition of every observation, and every claim of the catalogue in its order."""
    if "theorems.catalogue" not in sys.modules:
        kept = json.loads(FILE.read_text(encoding="utf-8"))
        if kept["sources"] == _sources():
            return kept["precondition"], kept["claims"]
    made = document()
    return made["precondition"], made["claims"]


def listed_experiments() -> list[Record] | None:
    """Every experiment in its order; None while their sources are being changed."""
    kept = json.loads(EXPERIMENTS_FILE.read_text(encoding="utf-8"))
    found: list[Record] = kept["experiments"]
    return found if kept["sources"] == experiment_sources() else None


def experiment_sources() -> dict[str, str]:
    """A digest of each file that states experiments."""
    files = sorted((_ROOT / "experiments").glob("*.py"))
    return {file.relative_to(_ROOT).as_posix(): _digest(file) for file in files}


def document() -> Record:
    """What the file has to be."""
    from theorems.catalogue import CLAIMS
    from theorems.own.preconditions import autograd_gives_the_gradient

    claims = [listed(claim) for claim in CLAIMS]
    return {
        "sources": _sources(),
        "precondition": listed(autograd_gives_the_gradient),
        "claims": claims,
    }


def _sources() -> dict[str, str]:
    """A digest of each file that states claims, says which there are, or how they hang together."""
    named = [
        _ROOT / f"{name}.py" for name in ("catalogue", "own/preconditions", "related", "papers")
    ]
    files = [
        *named,
        *(file for paper in PAPERS for file in sorted((_ROOT / paper.package).glob("*.py"))),
    ]
    return {str(file.relative_to(_ROOT).as_posix()): _digest(file) for file in files}


def _digest(file: Path) -> str:
    return hashlib.blake2b(file.read_bytes().replace(b"\r\n", b"\n"), digest_size=8).hexdigest()


def claim_lines(claims: Iterable[Record], width: int | None) -> Iterator[Text]:
    """The catalogue, a line per claim: name, paper, tag, what is expected, and as much of the first
    sentence as there is room for.

    Args:
        claims: records of what to list.
        width: of the terminal; None for a file, which is as wide as need be.
    """
    names = ("claim", "arXiv", "tag", "expected", "statement")
    rows = [(c["name"], c["arxiv"], c["tag"], c["expected"], c["summary"]) for c in claims]
    kept: Sequence[int] = range(5)
    if width is not None:  # the statement goes first, then what is the same for most
        sizes = [max(len(row[at]) for row in (names, *rows)) for at in range(4)]
        kept = next(
            (k for k in _KEPT if sum(sizes[at] + 2 for at in k if at < 4) + 24 * (4 in k) <= width),
            (0,),
        )
    sizes = [max((len(row[at]) for row in (names, *rows)), default=0) for at in kept]
    for row in (names, *rows):
        line = Text(
            "  ".join(row[at].ljust(size) for at, size in zip(kept, sizes, strict=True)).rstrip(),
            no_wrap=True,
        )
        if row is names:
            line.stylize("bold")
        if width is not None:
            line.truncate(width, overflow="ellipsis")
        yield line


_KEPT = (range(5), (0, 1, 2, 3), (0, 1, 3), (0, 1), (0,))


if __name__ == "__main__":
    replace_file(FILE, json.dumps(document(), indent=1, ensure_ascii=False) + "\n")
