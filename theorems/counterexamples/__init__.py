"""Refutations as scripts: the literal numbers, both sides, the verdict; to be run by somebody who
trusts nothing.

Where the two sides are formulas in torch or numpy alone, the script is these formulas and nothing
of this library: *plain*. Elsewhere it calls the claim. A claim of somebody's own file is quoted
from there, with what it needs, so that the script runs without that file. Every script is run
before it is handed out, and one that does not reproduce the refutation is not.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from theorems.claim import Claim
from theorems.counterexamples.scripts import claim_script, plain_script
from theorems.counterexamples.slicing import PlainFormulaError
from theorems.files import replace_file
from theorems.impl.errors import InputError
from theorems.verdict import Outcome, Verdict


@dataclass(frozen=True)
class Counterexample:
    """A refuted verdict and the script that reproduces it.

    Args:
        verdict: the refutation.
        script: its source; None where no script can be written.
        reason: why there is none.
    """

    verdict: Verdict
    script: str | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """``NAME-HASH.py``: the claim (and mutant), and a digest of the numbers."""
        slug = re.sub(r"[^0-9A-Za-z_-]+", "_", self.verdict.claim.replace(": ", "--", 1)).strip(
            "_"
        )[:80]
        body = (self.script or "").split("\nRECORDED = ")[-1].split("\n", 1)[-1]
        return f"{slug}-{hashlib.sha256(body.encode()).hexdigest()[:8]}.py"

    def write(self, folder: Path) -> Path | None:
        """Write the script into ``folder``, which is made if need be; None if there is no
        script.
        """
        if self.script is None:
            return None
        path = folder / self.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"expected a folder for scripts, got {str(folder)!r}: {error.strerror or error}"
            ) from error
        replace_file(path, self.script)
        return path


def counterexample(claim: Claim, verdict: Verdict, *, seed: int) -> Counterexample:
    """Write the script of a refutation: plain if it can be, else through the claim.

    Args:
        claim: what was refuted.
        verdict: the refutation.
        seed: of the search that found it, for the record.
    """
    reasons = []
    for write in (plain_script, claim_script):
        try:
            script = write(claim, verdict, seed)
        except (PlainFormulaError, InputError) as error:
            reasons.append(str(error))
            continue
        answer = _run(script)
        if answer == Outcome.REFUTED.name:
            return Counterexample(verdict, script)
        reasons.append(f"its script says {answer}")
    return Counterexample(verdict, reason=reasons[-1])


def _run(script: str) -> str:
    """The verdict that a script prints on its last line."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        try:
            exec(  # noqa: S102
                compile(script, "<counterexample>", "exec", dont_inherit=True),
                {"__name__": "__main__"},
            )
        except Exception as error:  # noqa: BLE001
            return f"{type(error).__name__}: {error}"
    return (printed.getvalue().strip().splitlines() or [""])[-1].split(":")[0]
