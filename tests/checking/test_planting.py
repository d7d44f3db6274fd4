"""Errors planted in a claim of one's own: all of its prediction and nothing else, each tried only
where it runs, and taken out again.
"""

import dataclasses
import importlib.util
import sys

import pytest

from theorems.planting.plant import errors, nested, places, twins
from theorems.planting.trial import Fate, Pool, executed, trials

SOURCE = '''\
from dataclasses import dataclass
from functools import lru_cache

import torch
from hypothesis import strategies as st
from torch import Tensor

from impl import Instance
from theorems import Source, equals


@dataclass(frozen=True, eq=False)
class Pair(Instance):
    left: Tensor
    right: Tensor


def pairs():
    return st.integers(1, 9).map(lambda n: Pair(torch.tensor([1.0, 2.0 * n]).double(), torch.tensor([3.0, n]).double()))


@lru_cache
def _three(two):
    return two + 1


def _tripled(β, other=False):
    scale = 4 if other else 5
    return β * scale - β * (_three(2) - 1) + (lambda: 0.0)()


def _observed(pair):
    return pair.left * 3 + pair.right


@equals(observed=_observed, on=pairs, source=Source("0000.00000", "here"), mutants={})
def tripled(pair: Pair) -> Tensor:
    """Three times the left, and the right."""
    if pair.left.shape[-1] < 2:
        return (
            pair.left * 7
            - pair.right * 8
        )
    return _tripled(pair.left) + pair.right
'''  # noqa: E501

NOT_RUN = ("4 if", "pair.left * 7\n            - pair.right * 8")
"""What no instance runs: an option of another claim, and a branch."""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """The claim in a file, imported as a user's."""
    path = tmp_path / "claim_in_a_file.py"
    path.write_text(SOURCE, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    loaded = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, path.stem, loaded)
    spec.loader.exec_module(loaded)
    return loaded


def inside(error, pieces):
    return any(
        SOURCE.index(piece) <= error.change.start < SOURCE.index(piece) + len(piece)
        for piece in pieces
    )


def test_errors_are_in_the_prediction_alone(module):
    """Of every rule that applies: a line of the prediction is changed, no line of the observation,
    of the strategy or of a decorator.
    """
    found = errors(module.tripled)
    changed = {SOURCE.count("\n", 0, e.change.start) for e in found}
    lines = SOURCE.splitlines()
    assert {lines[n].strip() for n in changed} == {
        "return two + 1",
        "scale = 4 if other else 5",
        "return β * scale - β * (_three(2) - 1) + (lambda: 0.0)()",
        "if pair.left.shape[-1] < 2:",
        "pair.left * 7",
        "- pair.right * 8",
        "return _tripled(pair.left) + pair.right",
    }
    assert [e.change.line for e in found] == sorted(e.change.line for e in found)
    assert all(SOURCE.count("\n", 0, e.change.start) + 1 == e.change.line for e in found)
    new = {
        str(e.change).split("  →  ")[1]
        for e in found
        if e.change.line == lines.index("    return two + 1") + 1
    }
    assert new == {"return two - 1", "return two", "return two + 2", "return two + 0"}
    assert {"another field", "< → <=", "term left out", "factor left out", "number doubled"} <= {
        e.change.rule for e in found
    }
    left_out = [e for e in found if e.change.rule == "term left out" and "lambda" in e.change.old]
    assert not left_out, "the functions that are left no longer match those before one by one"


def test_only_what_runs_is_tried(module):
    claim = module.tripled
    found = errors(claim)
    running = executed(Pool(claim, examples=10, seed=0), found[0].side.functions, 10)
    for error in found:
        assert error.runs(running) == (not inside(error, NOT_RUN)), error
    assert any(inside(e, NOT_RUN[:1]) for e in found)
    assert any(inside(e, NOT_RUN[1:]) for e in found)
    assert not any(error.runs(set()) for error in found)


def test_every_error_meets_its_fate(module):
    fates = {
        str(trial.planted): trial
        for trial in trials(module.tripled, errors(module.tripled), examples=8)
    }
    for error in errors(module.tripled):
        trial = fates[str(error)]
        assert (trial.fate is Fate.IDLE) == inside(error, NOT_RUN)
        assert (trial.instances == 0) == inside(error, NOT_RUN)
        in_value = "return two" in str(error) or "return _tripled" in str(error)
        assert trial.fate is Fate.REFUTED or not in_value, trial
    (harmless,) = (trial for name, trial in fates.items() if name.endswith("shape[-1] < 1:"))
    assert harmless.fate is Fate.SAME, "two entries: below one is as never as below two"


def test_an_error_is_active_inside_alone_and_no_cache_remembers(module):
    claim, two = (
        module.tripled,
        next(e for e in errors(module.tripled) if str(e.change).endswith("return two - 1")),
    )
    (pair, *_) = Pool(claim, examples=1, seed=0)
    right = claim.predict(pair)
    assert module._three(2) == 3
    for _ in range(2):
        with two.active():
            assert module._three(2) == 1
            assert (claim.predict(pair) == pair.left * 5 + pair.right).all()
            assert not claim(pair)
        assert module._three(2) == 3
        assert (claim.predict(pair) == right).all()
    with pytest.raises(RuntimeError), two.active():
        raise RuntimeError
    assert module._three(2) == 3


def test_places_cover_the_code_that_is_inside_another():
    code = compile("def f(x):\n    return [lambda: x + 1,\n        x]\n", "somewhere.py", "exec")
    inner = list(nested(code))
    assert [c.co_name for c in inner] == ["<module>", "f", "<lambda>"]
    for c in inner:
        assert len(places(c)) == len(c.co_code) // 2
        assert {p[0] for p in places(c)} == {"somewhere.py"}
    assert ("somewhere.py", 2, 2, 20, 25) in places(inner[2])
    assert ("somewhere.py", 2, 3, 11, 10) in places(inner[1])


def test_twins_are_fields_of_one_type_in_turn():
    @dataclasses.dataclass
    class Point:
        a: float
        flag: bool
        n: int
        b: float
        other: bool
        c: float
        name: str
        title: str

    assert twins(Point) == {"a": "b", "b": "c", "c": "a"}
    assert twins(int) == {}
