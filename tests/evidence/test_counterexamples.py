"""Counterexamples: exact literals, scripts that reproduce, replays that notice when they do not,
instances that can be read.
"""

import base64
import dataclasses
import json
import math
import re
import zlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import theorems
from impl import InputError, LayerTrace, NetworkSpec, strategies, trace
from impl.networks.spec import build
from impl.numbers.literals import UNPACK, compact, literal
from theorems import CLAIMS, Outcome, Source, equals
from theorems.checking.check import check
from theorems.checking.drawing import for_each
from theorems.counterexamples import counterexample
from theorems.counterexamples.replaying import recorded, replay

ROOT = Path(__file__).parents[2]
THOROUGH = settings.get_current_profile_name() == "thorough"


def evaluated(text):
    names = {
        "torch": torch,
        "np": np,
        "Fraction": Fraction,
        "NetworkSpec": NetworkSpec,
        "base64": base64,
        "zlib": zlib,
    }
    exec(UNPACK, names)
    return eval(text, names)


def same(a, b):
    if isinstance(a, torch.Tensor):
        bits = a.double().numpy().tobytes() == b.double().numpy().tobytes()
        return a.dtype == b.dtype and a.shape == b.shape and bits
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype
            and a.shape == b.shape
            and all(map(same, a.ravel().tolist(), b.ravel().tolist()))
        )
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and (a == b or (a != a and b != b))


FLOATS = hnp.arrays("float64", hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=9))


@given(FLOATS, st.sampled_from([torch.float64, torch.float32, torch.bfloat16, torch.float16]))
def test_a_literal_is_the_tensor_bit_by_bit(values, dtype):
    value = torch.as_tensor(values).to(dtype)
    value = torch.where(value.isnan(), math.nan, value)  # there is one NaN in Python
    assert same(evaluated(literal(value)), value)


@pytest.mark.parametrize(
    "value",
    [
        torch.tensor([-0.0, math.inf, -math.inf, 5e-324]),
        torch.arange(6).reshape(2, 3),
        torch.tensor([True, False]),
        torch.zeros(0, 3).double(),
        torch.randn(40, 9, generator=torch.Generator().manual_seed(0)).double(),
        np.array([[2**61, Fraction(1, 3)]], dtype=object),
        np.array(7, dtype=object),
        Fraction(-3, 7),
        (1, (2.5, None), "π"),
        (),
        NetworkSpec(widths=(2, 3), seed=4),
        math.inf,
        True,
        2**100,
    ],
    ids=str,
)
def test_a_literal_is_the_value(value):
    again = evaluated(literal(value))
    assert same(again, value)


@pytest.mark.parametrize(
    "value", [torch.nn.Linear(2, 2), len, torch.zeros(2**19), torch.zeros(2).to(torch.complex64)]
)
def test_what_is_no_data_has_no_literal(value):
    with pytest.raises(InputError, match="counterexample"):
        literal(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.tensor([[1.0, -2.0]]).double(), "[[1, -2]]"),
        (torch.tensor(0.123456789).double(), "0.1235"),
        (torch.tensor([1.5]), "[1.5] (float32)"),
        (np.array([Fraction(1, 2), 3], dtype=object), "[1/2, 3]"),
        (torch.zeros(24, 16).double(), "<24×16 integers from 0 to 0>"),
        (10**40, "100000…0000 (41 digits)"),
        (torch.tensor([math.nan, math.inf]).double(), "[nan, inf]"),
        (1e300, "1e+300"),
        ((torch.ones(1, 1).double(),), "([[1]],)"),
        (torch.tensor([[True]]), "[[True]] (bool)"),
        ({"a": torch.ones(1), 2: [Fraction(-1, 3), None]}, "{a: [1] (float32), 2: [-1/3, None]}"),
        ({}, "{}"),
        ([], "[]"),
        ((), "()"),
        ((1, 2.5), "(1, 2.5)"),
        (True, "True"),
        (np.float64(2.5), "2.5"),
        (-(10**30), "-100000…0000 (31 digits)"),
        (-(10**29), "-1" + "0" * 29),
        ("π", "'π'"),
        (torch.full((41,), 0.5).double(), "<41 floats from 0.5 to 0.5>"),
        (np.array([[Fraction(-7, 2)] * 41], dtype=object), "<1×41 exact numbers, the largest 7/2>"),
    ],
)
def test_compact(value, text):
    assert compact(value) == text


def test_an_instance_reads_as_its_defining_numbers():
    layer = trace(
        build(NetworkSpec(widths=(2, 1), lattice=True, seed=3)),
        torch.ones(1, 2).double(),
        torch.ones(1, 2).double(),
        lambda f, y: ((f - y) ** 2).sum() / 2,
    )["fc1"]
    text = repr(layer)
    assert re.search(r"weight=\[\[-?\d, -?\d\]\]", text), "integers as integers"
    assert text.index("output_grad=") < text.index("weight_grad=")
    assert "tensor(" not in text
    assert "bias" not in text
    large = trace(
        build(NetworkSpec(widths=(30, 40))),
        torch.randn(50, 30).double(),
        torch.zeros(50, 2).double(),
        lambda f, y: ((f - y) ** 2).sum(),
    )["fc1"]
    assert len(repr(large)) < 500
    assert "<40×30 floats from -" in repr(large)


class Found(Exception):
    """Ends a search."""


def refutation(claim):
    """The first refutation, as it was drawn."""

    @settings(
        max_examples=60,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @seed(1)
    @given(claim.instances())
    def search(instance):
        verdict = claim(instance)
        if verdict.outcome is Outcome.REFUTED:
            raise Found(verdict)

    with pytest.raises(Found) as found:
        search()
    return found.value.args[0]


SOME = (
    "feature_learning_equation",
    "gram_flow",
    "task_drive_is_low_rank",
    "water_filling_law",
    "kernel_views_agree",
    "spiked_covariance_series",
    "surrogate_grows_in_expectation",
    "gaussian_equivalent_gap",
    "same_gram_same_training",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", [c.name for c in CLAIMS] if THOROUGH else SOME)
def test_every_kind_of_claim_gets_a_script_that_reproduces(name):
    mutant = next(iter(getattr(theorems, name).mutants.values()))
    found = counterexample(mutant, refutation(mutant), seed=1)
    assert found.script is not None, found.reason
    assert re.fullmatch(r"[\w-]+-[0-9a-f]{8}\.py", found.name)
    compile(found.script, found.name, "exec")


def test_a_script_that_does_not_refute_is_not_handed_out():
    claim = theorems.simplex_target_linearity
    wrong = refutation(next(iter(claim.mutants.values())))
    found = counterexample(claim, wrong, seed=0)
    assert found.script is None
    assert "HOLDS" in found.reason


def test_an_anonymous_claim_has_a_reason_instead_of_a_script():
    def anonymous(layer: LayerTrace):
        """A claim inside a function: no file states it at the top level."""
        return theorems.gram_flow.predict(layer) * 2

    claim = equals(observed=theorems.gram_flow.observe, on=strategies.lattice_layers)(anonymous)
    found = counterexample(claim, refutation(claim), seed=0)
    assert found.script is None
    assert "top level" in found.reason
    assert found.write(Path("nowhere")) is None


KEPT = (
    "check",
    "gram_whitening_keeps_the_gram",
    "--mutant",
    "keeps the old Gram",
    "--examples",
    "20",
)


@pytest.mark.slow
def test_a_mutant_is_refuted_written_and_replayed(run, tmp_path):
    code, out, _ = run(*KEPT, "--counterexamples", "found", "--json", "e.json")
    assert code == 0, "a mutant is expected to fail"
    (file,) = (tmp_path / "found").iterdir()
    assert str(file.relative_to(tmp_path)) in out
    assert file.name.startswith("gram_whitening_keeps_the_gram--keeps_the_old_Gram-")
    (claim,) = json.loads(Path("e.json").read_text())["claims"]
    assert claim["counterexample"]["file"] == str(file.relative_to(tmp_path))
    assert "import theorems" not in file.read_text()
    code, out, _ = run("replay", "--show", file)
    assert code == 0
    assert "reproduces" not in out, "nothing was run"
    code, out, _ = run("replay", file)
    assert code == 0
    assert "reproduces" in out
    assert "observed" in out


@pytest.mark.slow
def test_a_statement_that_is_false_as_printed_is_written_only_when_asked(run, tmp_path):
    name = "parameter_decay_bounds_kernel_rank_as_stated"
    assert run("check", name, "--examples", "5")[0] == 0
    assert not (tmp_path / "counterexamples").exists()
    assert run("check", name, "--examples", "5", "--counterexamples", "found")[0] == 0
    assert len(list((tmp_path / "found").iterdir())) == 1


@pytest.mark.slow
def test_replay_notices_what_no_longer_refutes_and_what_no_longer_runs(run, tmp_path):
    run(*KEPT)
    (file,) = (tmp_path / "counterexamples").iterdir()
    text = file.read_text(encoding="utf-8")
    head, data = text.split("instance = ")
    file.write_text(
        head + "instance = " + re.sub(r"array\(.*?, dtype", "array([[0]], dtype", data),
        encoding="utf-8",
    )
    code, out, _ = run("replay", file)
    assert code == 1
    assert "no longer reproduces: HOLDS here" in out
    file.write_text(text.replace("instance = ", "elsewhere = "), encoding="utf-8")
    code, _, err = run("replay", file)
    assert code == 2
    assert "to run here, but NameError" in err
    assert not replay(file).reproduces


@pytest.mark.parametrize(
    "text",
    ["x = 1\n", "RECORDED = {'claim': 'x'}\n", "def broken(:\n", "RECORDED = print('run')\n"],
)
def test_what_is_no_counterexample_is_not_run(tmp_path, capsys, text):
    file = tmp_path / "other.py"
    file.write_text(text)
    with pytest.raises(InputError, match="script that `theorems check` wrote"):
        recorded(file)
    assert capsys.readouterr().out == ""


def test_replay_of_a_file_that_is_not_there(run):
    code, _, err = run("replay", "absent.py")
    assert code == 2
    assert "which is no file" in err


def test_unknown_mutants_get_a_suggestion(run):
    code, _, err = run("check", "feature_learning_equation", "--mutant", "outer product transpose")
    assert code == 2
    assert "did you mean 'outer product transposed'" in err


@pytest.mark.slow
def test_a_database_is_kept_and_tried_first(run, tmp_path):
    run(*KEPT, "--database", "seen")
    assert any(path.is_file() for path in (tmp_path / "seen").rglob("*"))
    claim = theorems.gram_whitening_keeps_the_gram.mutants["keeps the old Gram"]

    def first(**options):
        seen = []
        for_each(
            claim.instances(),
            lambda i: seen.append(claim(i).outcome),
            examples=1,
            seed=0,
            **options,
        )
        return seen[0]

    assert first() is not Outcome.REFUTED, "so it takes the database to do better"
    assert first(database=tmp_path / "seen", key=claim.name) is Outcome.REFUTED
    assert first(database=tmp_path / "seen", key="another claim") is not Outcome.REFUTED
    other = dataclasses.replace(
        theorems.gram_whitening_keeps_the_gram, name="another", source=Source("", "here")
    )
    assert check(other, examples=5, seed=0, database=tmp_path / "seen").instances == 5


@pytest.mark.parametrize("option", ["--counterexamples", "--database"])
def test_folders_that_cannot_be(run, tmp_path, option):
    (tmp_path / "file").write_text("")
    assert "to be a folder" in run("check", "gram_flow", option, "file")[2]
    assert "existing folder" in run("check", "gram_flow", option, "no/where")[2]
