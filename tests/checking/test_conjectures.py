"""Conjecture mode: a claim in a file of one's own gets everything, and every mistake in it is one
clear line.
"""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from theorems.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "conjectures.py"
FALSE, TRUE = "weights_scale_like_outputs", "weights_scale_like_inputs"

HEADER = """
import torch
from impl import FeatureSet, GatedNetwork, Instance, LayerTrace, Operand, strategies
from theorems import at_most, compares, equals, in_law
"""


SAME = (
    "@equals(observed={}, on={})\ndef same({}) -> Operand:\n    'One side is the other.'\n    "
    "return {}\n"
)
TRACES = "strategies.layer_traces"


@pytest.fixture
def state(tmp_path):
    """Write a file of claims."""

    def write(text, name="mine.py"):
        (tmp_path / name).write_text(HEADER + text, encoding="utf-8")
        return name

    return write


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The example checked once: exit code, output, evidence by claim, the folder it ran in."""
    folder, printed = tmp_path_factory.mktemp("both"), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        patch.delenv("COLUMNS", raising=False)
        patch.setattr("sys.argv", ["theorems", "check", str(EXAMPLE), "--json", "e.json"])
        with pytest.raises(SystemExit) as exit_:
            main()
    claims = {
        claim["name"]: claim for claim in json.loads((folder / "e.json").read_text())["claims"]
    }
    return exit_.value.code, printed.getvalue(), claims, folder


@pytest.mark.slow
def test_the_false_conjecture_is_shrunk_to_one_weight_and_one_bias(both):
    code, out, claims, folder = both
    assert code == 1
    assert "weight=[[0]]" in out
    assert "bias=[1]" in out
    claim = claims[FALSE]
    assert claim["tag"] == "conjecture"
    assert claim["outcome"] == "REFUTED"
    assert claim["grade"] == "EXACT"
    (file,) = (folder / "counterexamples").iterdir()
    assert file.read_text(encoding="utf-8") == claim["counterexample"]["script"]
    assert claim["counterexample"]["file"] == str(Path("counterexamples") / file.name)
    assert "theorems" not in re.findall(
        r"^(?:import|from) (\w+)", file.read_text(encoding="utf-8"), re.MULTILINE
    )
    done = subprocess.run([sys.executable, "-I", file], capture_output=True, text=True, check=False)
    assert (
        done.stdout.splitlines()[-1] == "REFUTED: observed 1.0 = predicted 0.0 is false, bound 0.0"
    )
    assert done.returncode == 0


def test_the_true_conjecture_holds_with_grade_and_power(both):
    claim = both[2][TRUE]
    assert (claim["outcome"], claim["grade"]) == ("HOLDS", "PROVED")
    assert (claim["mutants"]["refuted"], claim["mutants"]["total"]) == (2, 2), (
        "the transpose of a number is no variant"
    )
    assert claim["counterexample"] is None


def test_readme_walks_through_both():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "conjectures.md").read_text(encoding="utf-8")
    section = readme.split("## Your own conjecture")[1].split("\n## ")[0]
    assert section.split("```python")[1].split("```")[0] in page
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    assert code in EXAMPLE.read_text(encoding="utf-8"), "README quotes the example"
    assert f"examples/conjectures.py:{TRUE}" in section


def test_readme_prints_what_the_command_prints(both):
    page = (ROOT / "docs" / "conjectures.md").read_text(encoding="utf-8")
    section = page.split("\n## ")[0] + (ROOT / "README.md").read_text(encoding="utf-8")
    squeezed = [" ".join(line.split()) for line in both[1].splitlines()]
    shown = [
        line
        for block in re.findall(r"```text\n(.*?)```", section, re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(shown) > 10
    for line in shown:
        # times, and which networks a version of Hypothesis draws
        wanted = re.sub(r"[\d.]+", "#", " ".join(line.split()))
        assert any(wanted == re.sub(r"[\d.]+", "#", other) for other in squeezed), line


def test_list_and_show(run):
    code, out, _ = run("list", EXAMPLE)
    assert code == 0
    assert FALSE in out
    assert TRUE in out
    code, out, _ = run("show", f"{EXAMPLE}:{TRUE}")
    assert code == 0
    assert "[conjecture]" in out
    assert "automatic: sign flipped" in out


def test_a_module_by_its_dotted_name(run, state):
    state(
        "@equals(observed=lambda i: i.weight, on=strategies.layer_traces)\ndef same(i: "
        "LayerTrace) -> Operand:\n    'W is W.'\n    return i.weight\n",
        "mymodule.py",
    )
    code, out, _ = run("check", "mymodule:same", "--examples", 20)
    assert code == 0, out
    assert "mymodule:same" not in out


def test_a_strategy_itself_serves_as_well_as_its_function(run, state):
    file = state(
        "@at_most(observed=lambda i: -i.weight.abs(), on=strategies.layer_traces())\n"
        "def below(i: LayerTrace) -> Operand:\n    'Minus |W| is at most |W|.'\n    return "
        "i.weight.abs()\n"
    )
    code, out, _ = run("check", file, "--examples", 20)
    assert code == 0, out
    assert "not refuted in 20 instances: below: automatic: half as much" in out


@pytest.mark.slow
def test_a_claim_in_law_of_ones_own(run, state, tmp_path):
    file = state('''
from dataclasses import dataclass

from hypothesis import strategies as st
from theorems.relations.laws import NormalMean


@dataclass(frozen=True, eq=False)
class Normal(Instance):
    """Gaussian numbers of a mean."""

    mean: torch.Tensor
    seed: int = 0

    def draw(self):
        return self.mean + torch.randn(400, generator=torch.Generator().manual_seed(self.seed), dtype=torch.float64)


def normals():
    return st.builds(Normal, st.just(torch.zeros(()).double()), st.integers(0, 99))


@in_law(NormalMean(), observed=Normal.draw, on=normals)
def mean_is_one_more(i: Normal) -> Operand:
    """The mean is one more than it is."""
    return i.mean + 1
''')  # noqa: E501
    code, out, _ = run("check", file, "--json", "e.json")
    assert code == 1
    content = json.loads((tmp_path / "e.json").read_text())
    assert content["claims"][0]["grade"] == "STATISTICAL"
    assert 0 < content["false_alarm"] <= 1e-6
    powers = {each["name"]: each["power"] for each in content["claims"][0]["mutants"]["each"]}
    assert all(0 <= power <= 1 for power in powers.values())
    assert powers["automatic: twice as much"] == 1, "mean 0 against 2, four hundred replicates"
    assert "power against its mutants" in out
    assert "chance alone" in out
    (script,) = (tmp_path / "counterexamples").iterdir()
    assert "class Normal(Instance)" in script.read_text(encoding="utf-8"), "quoted from the file"
    (tmp_path / file).unlink()
    code, out, err = run("replay", script)
    assert code == 0, out + err
    assert "reproduces" in out


def test_a_claim_without_docstring_is_checked_and_says_so(run, state):
    file = state(
        "@equals(observed=lambda i: i.weight, on=strategies.layer_traces)\ndef same(i: "
        "LayerTrace) -> Operand:\n    return i.weight\n"
    )
    code, out, _ = run("check", file, "--examples", 10)
    assert code == 0
    assert "same has no docstring" in out


@pytest.mark.slow
def test_a_hypothesis_is_one_function(run, state, tmp_path):
    file = state(
        SAME.format(
            "lambda i: i.weight",
            TRACES
            + (
                ", hypotheses={'one unit': lambda i: None if i.weight.shape[-2] == 1 else "
                "'several units'}"
            ),
            "i: LayerTrace",
            "i.weight",
        )
    )
    code, out, _ = run("check", file, "--examples", 30, "--json", "e.json")
    assert code == 0, out
    (claim,) = json.loads((tmp_path / "e.json").read_text())["claims"]
    assert 0 < claim["inapplicable"] < claim["instances"]
    assert claim["hypotheses"]["each"][0]["bites"] is None, "nobody tried what happens without it"


def test_a_false_conjecture_about_a_network_of_ones_own_is_cut_to_one_sample(run, state, tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n\n\ndef net():\n    torch.manual_seed(0)\n    model = "
        "torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, "
        "2))\n"
        "    return model, torch.randn(64, 3), torch.randint(2, (64,)), "
        "torch.nn.functional.cross_entropy\n"
    )
    code, out, _ = run("check", f"{EXAMPLE}:{FALSE}", "--model", "net.py:net")
    assert code == 1, out
    (script,) = (tmp_path / "counterexamples").iterdir()
    assert len(script.read_text(encoding="utf-8").splitlines()) < 80
    code, out, _ = run("replay", script)
    assert code == 0, out


def test_no_mutants_at_all_is_said(run, state):
    file = state(
        "@equals(observed=lambda i: i.weight, on=strategies.layer_traces, mutants={})\ndef "
        "same(i: LayerTrace) -> Operand:\n    'W is W.'\n    return i.weight\n"
    )
    _, out, _ = run("check", file, "--examples", 10)
    assert "has no mutants: nothing says that a wrong statement would have been caught" in out


MISTAKES = {
    "a file that is not there": (None, "absent.py", "expected an existing file, got 'absent.py'"),
    "no claims in it": (
        "x = 1\n",
        "mine.py",
        "expected claims in mine.py, got none; state one with a decorator",
    ),
    "an empty name": ("", "mine.py:", "expected FILE.py, FILE.py:CLAIM or package.module:CLAIM"),
    "a misspelt claim": (
        SAME.format("lambda i: i.weight", TRACES, "i: LayerTrace", "i.weight"),
        "mine.py:sane",
        "did you mean same?",
    ),
    "a function that is no claim": (
        "def f(i: LayerTrace):\n    return i\n",
        "mine.py:f",
        "'f' in mine.py to be a claim, got a function; put @equals",
    ),
    "a module that is not there": (None, "no_such_module:claim", "ModuleNotFoundError"),
    "a file that raises": (
        "1 / 0\n",
        "mine.py",
        (
            r"line 5 of mine.py \(1 / 0\) raised "
            r"ZeroDivisionError"
        ),
    ),
    "no annotation": (
        SAME.format("lambda i: i.weight", TRACES, "i", "i.weight"),
        "mine.py",
        (
            r"an annotation of 'i' in same "
            r"\(mine.py, line 5\), got none"
        ),
    ),
    "an annotation that is no instance": (
        SAME.format("lambda i: i.weight", TRACES, "i: int", "i.weight"),
        "mine.py",
        "same .* to be about an instance .* got int",
    ),
    "two parameters": (
        SAME.format("lambda i: i.weight", TRACES, "i: LayerTrace, j: int", "i.weight"),
        "mine.py",
        "to take one instance, got 2 parameters",
    ),
    "a misspelt option": (
        "@equals(observe=1, on=2)\ndef same(i: LayerTrace):\n    return i.weight\n",
        "mine.py",
        "unexpected keyword argument 'observe'",
    ),
    "no strategy": (
        SAME.format("lambda i: i.weight", "[1, 2]", "i: LayerTrace", "i.weight"),
        "mine.py",
        "on= to be a strategy .* got list",
    ),
    "on= returns no strategy": (
        SAME.format("lambda i: i.weight", "lambda: 3", "i: LayerTrace", "i.weight"),
        "mine.py",
        "on= of same to return a strategy, got int",
    ),
    "observed is no function": (
        SAME.format("3", TRACES, "i: LayerTrace", "i.weight"),
        "mine.py",
        "observed= to be a function of an instance, got int",
    ),
    "a strategy of something else": (
        SAME.format(
            "lambda i: i.weights", "strategies.gated_networks", "i: LayerTrace", "i.weight"
        ),
        "mine.py",
        "on= of same to draw LayerTrace, as its annotation says, got GatedNetwork",
    ),
    "a strategy that raises": (
        "from hypothesis import strategies as st\n"
        + SAME.format(
            "lambda i: i.weight", "st.integers().map(lambda n: 1 / 0)", "i: LayerTrace", "i.weight"
        ),
        "mine.py",
        "ZeroDivisionError",
    ),
    "another shape": (
        SAME.format("lambda i: i.weight", TRACES, "i: LayerTrace", "i.weight.sum(-1)"),
        "mine.py",
        (
            r"both sides of same to have one shape, got predicted \(.*\), observed \(.*\): nothing "
            r"can be compared; on LayerTrace"
        ),
    ),
    "an exception in the prediction": (
        SAME.format("lambda i: i.weight", TRACES, "i: LayerTrace", "i.weight @ i.nothing"),
        "mine.py",
        (
            r"line 8 of mine.py \(return i.weight @ i.nothing\) raised AttributeError: .*nothing.* "
            r"on LayerTrace\("
        ),
    ),
    "a function without a bound": (
        SAME.format("lambda i: torch.erfinv(i.weight)", TRACES, "i: LayerTrace", "i.weight"),
        "mine.py",
        "got torch.s erfinv; write it with abs",
    ),
    "a list for a tensor": (
        SAME.format("lambda i: [1.0]", TRACES, "i: LayerTrace", "i.weight"),
        "mine.py",
        "expected the observed side .* tensor, got list",
    ),
    "None for a tensor": (
        SAME.format("lambda i: i.weight", TRACES, "i: LayerTrace", "None"),
        "mine.py",
        "expected the predicted side .* tensor, got NoneType",
    ),
    "parts that do not agree": (
        SAME.format("lambda i: {'a': i.weight}", TRACES, "i: LayerTrace", "{'b': i.weight}"),
        "mine.py",
        (
            r"expected the parts \['a'\] on "
            r"both sides, got \['b'\]"
        ),
    ),
    "an observation that changes its mind": (
        "import itertools\nn = itertools.count()\n"
        + SAME.format(
            "lambda i: i.weight + (next(n) % 5 == 3)", TRACES, "i: LayerTrace", "i.weight"
        ),
        "mine.py",
        "answer alike on equal instances",
    ),
    "a check that says yes": (
        SAME.format(
            "lambda i: i.weight",
            TRACES + (", hypotheses={'small': lambda i: True}"),
            "i: LayerTrace",
            "i.weight",
        ),
        "mine.py",
        "check of 'small' in same to return None, or the reason .* got bool",
    ),
    "a sign that is none": (
        (
            "@compares('==', observed=lambda i: i.weight, on=strategies.layer_traces)\ndef f(i: "
            "LayerTrace):\n    return i.weight\n"
        ),
        "mine.py",
        "a sign among =, <=, >=, >, got '=='",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_is_one_line_and_no_verdict(run, state, mistake):
    text, spec, wanted = MISTAKES[mistake]
    if text is not None:
        state(text)
    code, out, err = run("check", spec, "--examples", 8)
    assert code == 2, out + err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    assert re.search(wanted, err), err
    assert "HOLDS" not in out


@pytest.mark.slow
def test_debug_shows_where(run, state):
    file = state(MISTAKES["an exception in the prediction"][0])
    _, _, err = run("--debug", "check", file, "--examples", 8)
    assert "Traceback" in err


BIASED = """
def mlp():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3, bias=False)).double()
    return model, torch.randn(8, 4).double(), torch.randn(8, 3).double(), torch.nn.functional.mse_loss


def gain(layer):
    return (layer.weight * layer.weight_grad).sum((-2, -1))


@equals(observed=gain, on={on})
def shared(layer: LayerTrace) -> Operand:
    "The gains of weight and outputs agree, where there is no bias."
    return (layer.outputs * layer.output_grad).sum((-2, -1)){change}
"""  # noqa: E501
UNBIASED = "lambda layer: layer.bias is None"


@pytest.mark.parametrize(
    ("on", "change", "first", "last"),
    [
        ("strategies.bias_free_layers", "", "INAPPLICABLE", "HOLDS"),
        ("strategies.bias_free_layers", " * 2", "INAPPLICABLE", "REFUTED"),
        (f"strategies.layer_traces().filter({UNBIASED})", "", "UNDECIDED", "HOLDS"),
        (f"strategies.layer_traces, where={{'none': {UNBIASED}}}", "", "INAPPLICABLE", "HOLDS"),
        (
            f"strategies.layer_traces, where={{'none': {UNBIASED}}}",
            " * 2",
            "INAPPLICABLE",
            "REFUTED",
        ),
        ("strategies.layer_traces", "", "REFUTED", "HOLDS"),
    ],
)
def test_a_network_refutes_only_what_is_said_of_it(run, state, tmp_path, on, change, first, last):
    """A layer with a bias is no counterexample to what is said of layers without."""
    state(BIASED.format(on=on, change=change))
    run("check", "mine.py", "--model", "mine.py:mlp", "--json", "out.json")
    (entry,) = json.loads((tmp_path / "out.json").read_text())["claims"]
    found = {place["where"]: place for place in entry["places"]}
    assert (found["0"]["outcome"], found["2"]["outcome"]) == (first, last)
    if first == "UNDECIDED":
        assert "state it on layer_traces, with where=" in found["0"]["reason"]
