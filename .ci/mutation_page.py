"""The page of survivors, from a run and the explanations in `.ci/mutation_survivors.toml`."""

from __future__ import annotations

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from mutation_population import RULES

EXPLAINED = Path(".ci/mutation_survivors.toml")
KINDS = {
    "equivalent": "Equivalent: nothing that the code promises changes",
    "looser": "Not equivalent, and rightly not tested",
    "open": "Open",
}


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test killed, and its explanation, if there is one."""

    path: str
    line: int
    old: str
    new: str
    note: dict[str, str] | None
    tests: str

    @property
    def equivalent(self) -> bool:
        """Whether it is explained as one that no test could kill."""
        return self.note is not None and self.note["kind"] == "equivalent"


def read_explanations() -> dict[tuple[str, str, str], dict[str, str]]:
    """By file and the changed line before and after.

    Raises:
        ValueError: for a kind that is none.
    """
    entries = (
        tomllib.loads(EXPLAINED.read_text(encoding="utf-8")).get("survivor", [])
        if EXPLAINED.exists()
        else []
    )
    for entry in entries:
        if entry["kind"] not in KINDS:
            raise ValueError(
                f"expected kind to be one of {sorted(KINDS)}, got {entry['kind']!r} in {EXPLAINED}"
            )
    return {(e["file"], e["old"], e["new"]): e for e in entries}


def lines_of(diff: str) -> tuple[str, str]:
    """The changed line before and after."""
    body = [
        line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    old = " ".join(" ".join(line[1:].split()) for line in body if line[0] == "-")
    new = " ".join(" ".join(line[1:].split()) for line in body if line[0] == "+")
    return old, new


def page(
    survivors: list[Survivor], killed: int, timeouts: int, counted: Counter[str], seed: int
) -> str:
    """`docs/mutation-survivors.md`."""
    total = killed + len(survivors)
    equivalent = sum(s.equivalent for s in survivors)
    share, among = killed / max(1, total), killed / max(1, total - equivalent)
    last = (
        f"**Last run:** {total} mutants, drawn with seed {seed} from {counted['count']}: {killed} "
        f"died ({timeouts} of them by timeout), {share:.1%} of all; {equivalent} of the "
        f"{len(survivors)} survivors are equivalent, and {among:.1%} of the others died."
    )
    text = [
        "# Mutants that survive",
        "",
        (
            "`bash .ci/mutation --sample N --seed S --page docs/mutation-survivors.md` changes "
            "one token of the source at a time"
        ),
        (
            "([cosmic-ray](https://cosmic-ray.readthedocs.io)), runs the tests that reach the "
            "line, writes this page, and fails if fewer than nine in ten of the"
        ),
        (
            "mutants that are not equivalent die or if a survivor is not explained in "
            "`.ci/mutation_survivors.toml`."
        ),
        "",
        last,
        "",
        "Not counted, by rule:",
        "",
        *(f"* {rule} ({counted[rule]}): {words};" for rule, words in RULES.items()),
        "",
    ]
    for kind, title in {**KINDS, "": "Not explained"}.items():
        own = [s for s in survivors if (s.note["kind"] if s.note else "") == kind]
        if own:
            text += [f"## {title}", ""]
            text += [
                f"* {s.path}: `{s.old}` → `{s.new}`{': ' + s.note['why'] if s.note else '.'}"
                for s in own
            ]
            text.append("")
    return "\n".join(text).rstrip() + "\n"
