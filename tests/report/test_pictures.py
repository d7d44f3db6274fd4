"""The pictures' runs show what they claim to show, and every picture draws into a file without a
display.
"""

import numpy as np
import pytest
import torch

import theorems
from impl import InputError
from theorems.pictures import PICTURES, preconditioning, style
from theorems.pictures import kernel_flow as pictures
from theorems.pictures import kernel_flow_runs as exhibits

mpl = pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


def test_the_flow_ends_at_the_water_level():
    run = exhibits.kernel_paths(
        (2.0, 1.0, 0.2), samples=6, ridge=0.5, decay=0.5, until=60.0, size=0.3, seed=1
    )
    assert run.eigenvalues[-1, :2] == pytest.approx([1.5, 0.5], abs=1e-6)
    assert run.eigenvalues[-1, 2:] == pytest.approx(0, abs=1e-6)


def test_noise_has_the_ranks_that_are_marked():
    run = exhibits.noise_spectra((1, 2, 8), samples=24, width=20, classes=3, draws=3, seed=1)

    def ranks(values):
        return set((values > 1e-9 * values[:, :1]).sum(-1).tolist())

    assert [ranks(run.centred[b]) for b in (1, 2, 8)] == [{6}, {6}, {6}]
    assert [ranks(run.plain[b]) for b in (1, 2, 8)] == [{2}, {4}, {6}]
    assert (run.averaged > 1e-9 * run.averaged[0]).sum() > 6
    single = np.mean([(values**2).sum(-1).mean() for values in run.centred.values()])
    # the trace of a mean is the mean of the traces
    assert (run.averaged**2).sum() == pytest.approx(single)


def test_the_bound_holds_all_along_the_training():
    run = exhibits.trained_spectra((0, 5, 50), decay=1e-2, rate=0.2, width=14, samples=40, seed=1)
    for values, bound in zip(run.values, run.bounds, strict=True):
        assert values[run.classes] <= bound


def test_both_flows_end_where_their_laws_say():
    targets = torch.eye(3, dtype=torch.float64).repeat_interleave(torch.tensor([6, 4, 2]), 0)
    reached, law = exhibits.supervised_spectrum(targets, ridge=0.5, decay=0.25, seed=1)
    assert np.abs(reached - law).max() < 1e-5
    graph = exhibits.neighbour_laplacian(12, 3)
    reached, law = exhibits.self_supervised_spectrum(graph, decay=0.1, pull=0.5, floor=0.2, seed=1)
    assert np.abs(reached - law).max() < 1e-5
    assert (law > 0).sum() > 3


@pytest.mark.slow
@pytest.mark.parametrize("name", ["minibatch-noise"])
def test_a_picture_is_written(name, tmp_path):
    before = mpl.rcParams["font.size"]
    figure = pictures.PICTURES[name](0)
    figure.savefig(tmp_path / "picture.png")
    assert (tmp_path / "picture.png").stat().st_size > 10_000
    assert mpl.rcParams["font.size"] == before
    assert all(axis.get_xlabel() and axis.get_title(loc="left") for axis in figure.axes)


@pytest.mark.slow
def test_the_flow_that_is_drawn_is_at_rest_on_its_formula():
    # as in supervised-or-not: one mode is near the edge, and slow
    graph = exhibits.neighbour_laplacian(80, 6)
    reached, law = exhibits.self_supervised_spectrum(graph, decay=0.1, pull=0.5, floor=0.4, seed=0)
    assert np.abs(reached - law).max() < 1e-5
    with pytest.raises(InputError, match="at rest"):
        exhibits.self_supervised_spectrum(graph, decay=0.1, pull=0.5, floor=0.4, seed=0, rate=1e-4)


def test_a_picture_says_how_it_can_be_had_again():
    figure = style.styled("8 samples")(lambda seed: style.canvas(1, (4, 3))[0])(7)
    assert figure.get_supxlabel() == f"seed 7 · 8 samples · theorems {theorems.__version__}"
    for name, draw in PICTURES.items():
        assert draw.sizes, name


def test_names_and_docstrings():
    assert set(pictures.PICTURES) == {
        "water-filling",
        "trained-spectrum",
        "minibatch-noise",
        "supervised-or-not",
    }
    assert all(draw.__doc__ for draw in pictures.PICTURES.values())


def test_simulated_risks_lie_on_the_lines():
    """The dots of risk-by-exponent: real trainings on drawn noise against the formula; 5 standard
    errors are exceeded once in 1e6.
    """
    for mode, power in ((0, 1.0), (preconditioning.DIMENSION - 1, -2.0)):
        student = preconditioning.student(power, mode, 6, seed=3)
        mean, error = preconditioning.simulated_risk(student, 300, seed=4)
        exact = float(preconditioning.preconditioned_regression_risk.predict(student))
        assert abs(mean - exact) < 5 * error
        assert error < 0.1 * exact


def test_the_best_exponent_follows_the_alignment():
    def risks(mode):
        predict = preconditioning.preconditioned_regression_risk.predict
        return [
            float(predict(preconditioning.student(p, mode, 6, seed=0))) for p in (-3.0, 0.0, 3.0)
        ]

    top, bottom = risks(0), risks(preconditioning.DIMENSION - 1)
    assert top == sorted(top, reverse=True)
    assert bottom[0] == min(bottom)
