"""The strategies of the kernel flow reach every corner that the statements speak of."""

import pytest
import torch
from hypothesis import find

from impl.numbers.linalg import exact_rank
from impl.numbers.operands import is_exact
from impl.strategies import flows, noise, ranks, ridge, runs
from tests.flow_tasks import SEARCH


def repeated(values):
    kept = [v for v in values.tolist() if v != 0]
    return len(set(kept)) < len(kept)


def rank(matrix):
    return exact_rank(matrix) if is_exact(matrix) else int(torch.linalg.matrix_rank(matrix))


POINTS = {
    "one class": lambda p: p.targets.shape[-1] == 1,
    "fewer samples than classes": lambda p: p.targets.shape[-2] < p.targets.shape[-1],
    "one feature": lambda p: p.features.shape[-1] == 1,
    "fewer features than label modes": lambda p: p.features.shape[-1] < rank(p.targets),
    "labels of deficient rank": lambda p: 0 < rank(p.targets) < min(p.targets.shape),
    "zero labels": lambda p: not (p.targets != 0).any(),
    "zero features": lambda p: not (p.features != 0).any(),
    "no decay": lambda p: not p.decay > 0,
    "floats": lambda p: not is_exact(p.features),
}
SPECTRA = {
    "one class": lambda t: t.right.shape[0] == 1,
    "fewer samples than classes": lambda t: t.left.shape[0] < t.right.shape[0],
    "repeated singular values": lambda t: repeated(t.values),
    "repeated active singular values": lambda t: (
        is_exact(t.values) and repeated(t.values * t.active)
    ),
    "a zero singular value within the classes": lambda t: bool(
        (t.values[: min(t.right.shape)] == 0).any()
    ),
    "a tiny singular value": lambda t: bool(
        ((t.values > 0) & (t.values < 1e-5 * t.threshold)).any()
    ),
    "exactly at the threshold": lambda t: (
        is_exact(t.values) and bool((t.values == t.threshold).any())
    ),
    "nothing active": lambda t: not bool(t.active.any()),
    "four active modes": lambda t: int(t.active.sum()) >= 4,
    "floats": lambda t: not is_exact(t.values),
    "λ other than μ": lambda t: bool(t.root != 1),
}
MATRICES = {
    "one class": lambda m: m.classes == 1,
    "fewer samples than classes": lambda m: m.inputs is None and m.matrix.shape[-2] < m.classes,
    "width one": lambda m: m.matrix.shape[-1] == 1,
    "at rest": lambda m: not bool(m.gradient.any()) and bool(m.matrix.any()),
    "softmax": lambda m: m.shift_free,
    "a layer of a network": lambda m: m.inputs is not None,
    "float32": lambda m: m.unit > 1e-8,
    "two linear layers above": lambda m: len(m.maps) > 1,
    "integers": lambda m: bool((m.matrix == m.matrix.round()).all()) and bool(m.matrix.any()),
}
NOISES = {
    "one sample": lambda n: n.features.shape[0] == 1,
    "batches of one": lambda n: n.batch == 1 and n.features.shape[0] > 1,
    "the whole set without replacement": lambda n: n.batch > 1 and bool((n.counts == 1).all()),
    "a sample twice in a batch": lambda n: bool((n.counts > 1).any()),
    "a batch of every sample with replacement": lambda n: (
        n.batch == n.features.shape[0] > 2 and bool((n.counts == 0).any())
    ),
    "fewer samples than twice the classes": lambda n: n.features.shape[0] < 2 * n.classes,
    "one class": lambda n: n.classes == 1,
    "one feature": lambda n: n.features.shape[1] == 1,
    "batch below the classes": lambda n: n.batch < n.classes,
    "softmax": lambda n: n.shift_free,
    "a mean loss": lambda n: n.rescaled,
    "several batches": lambda n: len(n.counts) > 2,
    "equal samples": lambda n: (
        n.features.shape[0] > 1
        and torch.equal(n.features[0], n.features[1])
        and bool(n.features.any())
    ),
}
REGRESSIONS = {
    "zero eigenvalue": lambda r: bool((r.levels == 0).any()),
    "repeated eigenvalue": lambda r: repeated(r.levels),
    "no signal in a mode": lambda r: is_exact(r.levels) and bool((r.left.T @ r.signal == 0).any()),
    "floats": lambda r: not is_exact(r.levels),
}
LAPLACIANS = {
    "a frequency at the cut": lambda t: (
        is_exact(t.frequencies) and bool((t.frequencies == t.drive / t.floor - t.decay).any())
    ),
    "constant mode": lambda t: bool((t.frequencies == 0).any()),
    "repeated frequency": lambda t: repeated(t.frequencies),
    "nothing passes": lambda t: bool((t.frequencies >= t.drive / t.floor - t.decay).all()),
    "floats": lambda t: not is_exact(t.frequencies),
}
ENDS = {
    "repeated singular values": lambda e: repeated(e.values),
    "nothing active": lambda e: not bool(e.active.any()),
    "tiny and zero": lambda e: bool(((e.values > 0) & (e.values < 1e-5)).any()),
    "one class": lambda e: e.right.shape[0] == 1,
    "fewer samples than classes": lambda e: e.left.shape[0] < e.right.shape[0],
    "no spare width": lambda e: e.features.shape[1] == int(e.active.sum()) > 1,
    "spare width": lambda e: e.features.shape[1] > int(e.active.sum()) > 1,
    "by the kernel's ODE": lambda e: e.how == "kernel ODE",
    "by gradient descent": lambda e: e.how == "gradient descent",
}


def cases(name, strategy, corners):
    return [
        pytest.param(strategy, corner, id=f"{name}-{title}") for title, corner in corners.items()
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strategy", "corner"),
    cases("points", flows.kernel_points, POINTS)
    + cases("spectra", flows.spectral_tasks, SPECTRA)
    + cases("matrices", ranks.decayed_matrices, MATRICES)
    + cases("noises", noise.minibatch_noises, NOISES)
    + cases("regressions", ridge.regressions, REGRESSIONS)
    + cases("laplacians", ridge.laplacians, LAPLACIANS)
    + cases("ends", runs.kernel_ends, ENDS),
)
def test_corner_is_found(strategy, corner):
    assert corner(find(strategy(), lambda instance: bool(corner(instance)), settings=SEARCH))


@pytest.mark.parametrize("loss", ["huber", "logistic", "softmax", "squared"])
@pytest.mark.parametrize("strategy", [ranks.seeded_matrices, noise.seeded_noises])
def test_every_loss_is_drawn(strategy, loss):
    assert find(strategy(loss), lambda _: True, settings=SEARCH).shift_free == (loss == "softmax")


@pytest.mark.slow
@pytest.mark.parametrize("missing", range(1, 5))
def test_every_number_of_active_modes_escapes(missing):
    assert find(runs.escape_runs(), lambda e: int(e.active.sum()) == missing, settings=SEARCH)
