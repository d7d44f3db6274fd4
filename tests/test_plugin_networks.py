"""The plugin on somebody's network: where it applies, and which bugs it finds and names."""

pytest_plugins = "pytester"

MODEL = """
import torch
from torch.nn import functional

class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        ctx.save_for_backward(x, w)
        return x @ w.T
    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        return g @ w, GAIN * g.T @ x

class Odd(torch.nn.Linear):
    def forward(self, x):
        return Doubled.apply(x, self.weight)

def factory(gain=1.0):
    global GAIN
    GAIN = gain
    torch.manual_seed(0)
    model = torch.nn.Sequential(Odd(6, 5, bias=False), torch.nn.ReLU(), torch.nn.Linear(5, 3, bias=False)).double()
    return model, torch.randn(7, 6).double(), torch.randint(3, (7,)), functional.cross_entropy

def broken():
    return factory(1.5)
"""


def test_a_network_of_theirs(evidence_of, pytester):
    pytester.makepyfile(net=MODEL)
    claims = ("--claim", "feature_learning_equation", "--claim", "gram_flow", "--claim", "spike_moments")
    result, seen = evidence_of("--theorems-model", "net.py:factory", *claims, "-rs")
    result.assert_outcomes(passed=2, skipped=1)
    result.stdout.fnmatch_lines(["*does not apply: the claim is about drawn instances only*"])
    assert [place["where"] for place in seen["gram_flow"]["places"]] == ["0", "2"]
    assert seen["spike_moments"]["outcome"] == "INAPPLICABLE"


def test_a_wrong_backward_is_found_and_named(evidence_of, pytester):
    pytester.makepyfile(net=MODEL)
    result, seen = evidence_of("--theorems-model", "net.py:broken", "--claim", "feature_learning_equation")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["feature_learning_equation came out REFUTED*", "*at 0: REFUTED residual*"])
    outcomes = {place["where"]: place["outcome"] for place in seen["feature_learning_equation"]["places"]}
    assert outcomes == {"0": "REFUTED", "2": "HOLDS"}
