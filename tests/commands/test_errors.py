"""Input that cannot be judged: one clear line that names what came and what was wanted, and never a
verdict.
"""

import dataclasses
import math

import pytest
import torch
from torch.nn import functional

from impl import InputError, LayerTrace, NetworkSpec, build, feature_set, half_squared_error, trace
from impl.networks.data import batch
from theorems import feature_learning_equation, target_linearity_laws
from theorems.cli import main


def net(**options):
    spec = NetworkSpec(widths=(3, 4), batch=6, bias=True, seed=1, **options)
    return (build(spec), *batch(spec), half_squared_error)


def traced(**changes):
    model, inputs, targets, loss = net()
    given = {"model": model, "inputs": inputs, "targets": targets, "loss": loss} | changes
    return trace(**given)


def poisoned(value):
    model = net()[0]
    with torch.no_grad():
        model.fc1.weight[2, 1] = value
    return model


def layer(**changes):
    return dataclasses.replace(traced()["fc1"], **changes)


CALLS = {
    "NaN weights": (
        lambda: traced(model=poisoned(math.nan)),
        (
            r"finite numbers in "
            r".*fc1\.weight.*got nan at index "
            r"\(2, 1\)"
        ),
    ),
    "infinite weights": (lambda: traced(model=poisoned(math.inf)), r"finite numbers in .*got inf"),
    "NaN inputs": (
        lambda: traced(inputs=torch.full((6, 3), math.nan).double()),
        "finite numbers in the inputs",
    ),
    "NaN targets": (lambda: traced(targets=torch.full((6, 2), math.nan).double()), "finite"),
    "empty batch": (
        lambda: traced(inputs=torch.zeros(0, 3).double()),
        (
            r"at least one sample, got "
            r".*\(0, 3\)"
        ),
    ),
    "a layer with no rows": (
        lambda: LayerTrace(
            torch.zeros(1, 3),
            torch.zeros(0, 3),
            torch.zeros(1, 3),
            torch.zeros(0, 3),
            torch.zeros(0, 1),
        ),
        r"at least one row of inputs and one unit, got inputs \(0, 3\)",
    ),
    "integer inputs": (
        lambda: traced(inputs=torch.ones(6, 3).long()),
        (
            r"floating-point inputs.*got "
            r"torch\.int64; convert"
        ),
    ),
    "inputs of the wrong width": (
        lambda: traced(inputs=torch.zeros(6, 5).double()),
        (
            r"inputs that the model "
            r"accepts, got \(6, 5\)"
        ),
    ),
    "targets of the wrong shape": (
        lambda: traced(targets=torch.zeros(6).double()),
        (
            r"shape \(N, C\) = \(6, 2\), "
            r"got \(6,\)"
        ),
    ),
    "targets that would broadcast": (
        lambda: traced(targets=torch.zeros(6, 1).double(), loss=functional.mse_loss),
        (
            r"outputs of shape \(6, "
            r"2\).*targets of shape \(6, 1\)"
        ),
    ),
    "a raw loss that would broadcast": (
        lambda: traced(targets=torch.zeros(6, 1).double(), loss=lambda f, y: ((f - y) ** 2).sum()),
        r"got \(6, 1\)",
    ),
    "too few labels": (
        lambda: traced(targets=torch.zeros(5).long(), loss=functional.cross_entropy),
        r"targets of shape \(5,\)",
    ),
    "not a module": (lambda: traced(model=torch.relu), r"nn\.Module"),
    "a loss that is not a scalar": (
        lambda: traced(loss=lambda f, y: (f - y) ** 2),
        r"scalar, got shape \(6, 2\)",
    ),
    "a loss that is not a tensor": (
        lambda: traced(loss=lambda *_: 3.0),
        "scalar tensor, got float",
    ),
    "a loss without gradient": (
        lambda: traced(loss=lambda f, _: f.detach().sum()),
        "depends on the model",
    ),
    "a loss that raises": (lambda: traced(loss=lambda *_: 1 / 0), "ZeroDivisionError"),
    "a negative rate": (lambda: traced(rate=-1.0), "positive, finite rate, got rate=-1"),
    "weights of the wrong shape": (
        lambda: layer(weight_grad=torch.zeros(2, 2)),
        (
            r"weight_grad .*shape \(4, 3\), "
            r"got \(2, 2\)"
        ),
    ),
    "a trace of integers": (
        lambda: layer(inputs=torch.ones(6, 3).long()),
        (
            r"floating-point inputs .*got "
            r"torch\.int64"
        ),
    ),
    "a trace with NaN": (
        lambda: layer(output_grad=torch.full((6, 4), math.nan)),
        "finite numbers in output_grad",
    ),
    "a trace of lists": (
        lambda: layer(weight_grad=[[0.0]]),
        (
            r"weight_grad .*to be a tensor.*got "
            r"list"
        ),
    ),
    "a flat weight": (
        lambda: LayerTrace(
            torch.zeros(3), torch.zeros(2, 3), torch.zeros(3), torch.zeros(2, 3), torch.zeros(2, 1)
        ),
        r"weight .*\(…, d_out, d_in\)",
    ),
    "a claim on a number": (
        lambda: feature_learning_equation(3),
        "called with a LayerTrace, got int; use impl.trace",
    ),
    "a claim on the wrong instance": (
        lambda: target_linearity_laws(layer()),
        "a FeatureSet, got LayerTrace",
    ),
    "features without targets": (
        lambda: feature_set(torch.zeros(4, 2), torch.zeros(3, 1)),
        r"targets of shape \(N, C\)",
    ),
    "features that are all zero": (
        lambda: feature_set(torch.zeros(4, 2), torch.ones(4, 1)),
        "not all zero",
    ),
    "an unknown activation": (
        lambda: NetworkSpec(activation="relu6"),
        "one of relu, identity, .*got activation='relu6'",
    ),
    "an empty network": (lambda: NetworkSpec(widths=()), r"got widths=\(\)"),
    "a width of zero": (lambda: NetworkSpec(widths=(3, 0)), "at least 1"),
    "an infinite scale": (lambda: NetworkSpec(scale=math.inf), "positive, finite scale"),
    "an unknown hypothesis": (
        lambda: feature_learning_equation.without("luck"),
        "one of the hypotheses",
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_bad_input_is_refused(name):
    call, message = CALLS[name]
    with pytest.raises(InputError, match=message) as error:
        call()
    assert "\n" not in str(error.value).strip()


FACTORIES = {
    "raises": ("def made(): raise KeyError('no data')", "raised KeyError"),
    "returns nothing": ("def made(): return None", "got None"),
    "returns three": ("def made(): return 1, 2, 3", "expected"),
    "returns no module": ("def made(): return 1, 2, 3, print", "nn.Module"),
    "returns a mapping without loss": (
        "def made(): return {'model': 1, 'inputs': 2, 'targets': 3}",
        "loss",
    ),
    "is not there": ("def other(): pass", "'made'"),
    "is not callable": ("made = 3", "got int"),
    "does not import": ("import no_such_package_anywhere", "no_such_package_anywhere"),
    "does not parse": ("def made(:", "SyntaxError"),
    "returns NaN": (
        """
import torch
def made():
    return torch.nn.Linear(1, 1), torch.full((2, 1), float("nan")), torch.zeros(2, 1), torch.nn.MSELoss()
""",  # noqa: E501
        "finite",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FACTORIES)
def test_a_factory_that_does_not_work_exits_2(name, tmp_path, monkeypatch, capsys):
    source, message = FACTORIES[name]
    (tmp_path / "mine.py").write_text(source)
    monkeypatch.setattr("sys.argv", ["theorems", "check", "--model", f"{tmp_path}/mine.py:made"])
    with pytest.raises(SystemExit) as exit_:
        main()
    seen = capsys.readouterr()
    assert exit_.value.code == 2
    assert message in seen.err
    assert "Traceback" not in seen.err + seen.out
    assert "HOLDS" not in seen.out


@pytest.mark.parametrize(
    "spec", ["nowhere.py:made", "no.such.module:made", "mine", ":", "mine.py:"]
)
def test_a_factory_that_is_not_there_exits_2(spec, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["theorems", "check", "--model", spec])
    with pytest.raises(SystemExit) as exit_:
        main()
    assert exit_.value.code == 2
    assert "expected" in capsys.readouterr().err
