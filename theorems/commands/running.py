"""One run of a command over several claims: what each came to, line by line, whatever is raised or
interrupted on the way.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from theorems.checking.records import Record
from theorems.commands.console import drawing, exit_code, print_error, write_evidence
from theorems.commands.terminal import line_width, out, streams
from theorems.evidence.file import not_run, raised
from theorems.evidence.lines import fitted, planned, summing_up
from theorems.evidence.partial import INTERRUPTED, NARROWED, partial
from theorems.verdict import Outcome

if TYPE_CHECKING:
    from theorems.claim import Claim


class Run:
    """What a command has seen so far; as a context it swallows an interrupt, so that what was seen
    is still told.

    Args:
        claims: what it is meant to judge.
        streaming: whether a line is printed as soon as a claim is judged, where nothing shows the
            whole at the end.
    """

    def __init__(self, claims: Sequence[Claim], *, streaming: bool = False) -> None:
        """Note the time."""
        self.claims = list(claims)
        self.started = datetime.now(UTC)
        self.entries: dict[str, Record] = {}
        self.interrupted = False
        self.lines = planned(claims, line_width()) if streaming and streams() else None
        self._headed = False

    def __enter__(self) -> Self:
        """Nothing to set up."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        """Note an interrupt; everything else goes on its way."""
        self.interrupted = kind is not None and issubclass(kind, KeyboardInterrupt)
        return self.interrupted

    @contextmanager
    def judging(self, claim: Claim) -> Iterator[None]:
        """Judge one claim; what it raises is its entry, and a line on stderr, and the run goes
        on.
        """
        from theorems.impl.errors import InputError

        began = time.perf_counter()
        try:
            with drawing(claim):
                yield
        except InputError as error:
            message = " ".join(str(error).split())
            print_error(message)
            self.add(raised(claim, message, seconds=time.perf_counter() - began))

    def add(self, entry: Record) -> None:
        """Take in what came out for one claim."""
        self.entries[entry["name"]] = entry
        if self.lines is not None:
            if not self._headed:
                out.print(self.lines.head(), soft_wrap=True)
                self._headed = True
            out.print(self.lines.row(entry), soft_wrap=True)
            out.file.flush()  # a reader at the other end of a pipe sees it now

    def print_table(self) -> None:
        """All lines, where none was printed yet."""
        if self.lines is None and self.entries:
            lines = fitted(list(self.entries.values()), line_width())
            for line in (lines.head(), *(lines.row(entry) for entry in self.entries.values())):
                out.print(line, soft_wrap=True)

    def print_sum(self) -> None:
        """The last line."""
        if self.interrupted:
            out.print(
                "[bold yellow]interrupted[/]: what was judged until then is above", highlight=False
            )
        missing = len(self.claims) - len(self.entries)
        out.print(
            summing_up(list(self.entries.values()), missing=missing),
            style="bold",
            highlight=False,
            markup=False,
        )

    @property
    def records(self) -> list[Record]:
        """An entry for every claim, those that were not reached included."""
        return [self.entries.get(claim.name) or not_run(claim) for claim in self.claims]

    def write(
        self, files: tuple[Path | None, Path | None], *, seed: int, profile: str, narrowed: bool = False,  # noqa: E501
        **rest: Any,
    ) -> None:  # fmt: skip
        """Write the evidence, marked partial if the run was cut short, or was of a part of the
        claims: then it joins what the file says of the others.
        """
        if self.interrupted and not self.entries:
            return  # nothing was judged
        reason = INTERRUPTED if self.interrupted else NARROWED if narrowed else None
        cut = None if reason is None else partial(reason, self.records, meant=len(self.claims))
        write_evidence(
            files[0],
            seed,
            profile,
            self.records,
            html=files[1],
            started=self.started,
            partial=cut,
            **rest,
        )

    @property
    def exit_code(self) -> int:
        """Of what was judged, what raised, and whether anything cut the run short."""
        judged = [e for e in self.entries.values() if e["outcome"] is not None]
        pairs = [(Outcome[entry["outcome"]], Outcome[entry["expected"]]) for entry in judged]
        return exit_code(
            pairs,
            raised=any(e.get("error") for e in self.entries.values()),
            interrupted=self.interrupted,
        )
