"""The files that a session leaves: all of a whole run, and of a part of one nothing that would
destroy what a whole run has left.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from typing import Any

from theorems.checking.records import Record
from theorems.evidence.file import write
from theorems.evidence.partial import earlier, joined, tried
from theorems.files import replace_file
from theorems.impl.errors import InputError
from theorems.pytest_plugin.options import Options


class Outputs:
    """What was asked for, made of one run's evidence.

    Args:
        options: which files.
        evidence: of the run; joined to an earlier one where it is a part.
        here: where the reader is, for the names of files.
    """

    def __init__(self, options: Options, evidence: Record, here: Path) -> None:
        """Keep them."""
        self.options, self.evidence, self.here = options, evidence, here

    def write(self) -> list[str]:
        """Write what may be written, and say what was and what was not.

        Raises:
            InputError: for a file that cannot be written; what was there is as it was.
        """
        wanted = {
            option: path
            for option in ("json", "html", "badges", "markdown")
            if (path := getattr(self.options, option))
        }
        if not wanted:
            return []
        if not any(map(tried, self.evidence["claims"])):
            return [
                f"no claim was tried: nothing is written, {self._listed(wanted.values())} as before"
            ]
        kept: dict[str, Path] = {}
        why = ""
        if self.evidence.get("partial"):
            before, why = earlier(self.options.json, self.evidence)
            if before is not None:
                whole = joined(self.evidence, before)
                self.evidence.clear()
                self.evidence.update(whole)
            else:
                kept = {option: path for option, path in wanted.items() if _there(path)}
        self._write({option: path for option, path in wanted.items() if option not in kept})
        notes = [
            f"wrote {self._named(path)}" for option, path in wanted.items() if option not in kept
        ]
        if kept:
            notes.append(
                f"left {self._listed(kept.values())} as before, since this run is a part: "
                f"{why or 'run all of it'}"
            )
        return notes

    def _write(self, wanted: dict[str, Path]) -> None:
        from theorems.evidence.badges import write_badges
        from theorems.evidence.summaries import markdown

        if "json" in wanted:
            write(wanted["json"], self.evidence)
        if "html" in wanted:
            replace_file(wanted["html"], renderer()(self.evidence))
        if "badges" in wanted:
            write_badges(self.evidence, wanted["badges"])
        if self.options.markdown is not None:
            text = markdown(self.evidence)
            if "markdown" in wanted:
                replace_file(wanted["markdown"], text)
            _append(os.environ.get("GITHUB_STEP_SUMMARY"), text)

    def _named(self, path: Path) -> str:
        return os.path.relpath(path, self.here)

    def _listed(self, paths: Any) -> str:
        names = [self._named(path) for path in paths]
        return (
            f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}" if names else "nothing is"
        )


def _there(path: Path) -> bool:
    """Whether an earlier run has left something that a part of one would destroy."""
    return any(path.glob("*.svg")) if path.is_dir() else path.exists()


def _append(summary: str | None, text: str) -> None:
    """Add to the summary of a run on GitHub, which is a log and no evidence."""
    if not summary:
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            f"expected $GITHUB_STEP_SUMMARY to be written, but {error.strerror or error}"
        ) from error


def renderer() -> Any:
    """What makes the report; needed only where one is asked for.

    Raises:
        InputError: if it is not installed.
    """
    try:
        report = importlib.import_module("theorems.report")
        report.require_packages()
    except (ImportError, InputError) as error:
        raise InputError(
            f"--theorems-html needs the extra: pip install 'theorems[report]' ({error})"
        ) from error
    return report.render
