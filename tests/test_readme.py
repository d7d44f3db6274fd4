"""README keeps its promises: the claims that it lists, and the Python that it shows."""

import re
from pathlib import Path

from theorems import CLAIMS

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_every_claim_is_listed_and_no_other():
    section = README.split("## Claims")[1].split("## Speed")[0]
    assert re.findall(r"\| `(\w+)` \|", section) == [claim.name for claim in CLAIMS]


def test_its_python_runs(capsys):
    import torch

    torch.manual_seed(0)
    for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        exec(block, {})
    assert "Outcome.HOLDS" in capsys.readouterr().out
