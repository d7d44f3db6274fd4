"""The runs that the pictures show, against other people's implementations of the same thing."""

import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.integrate import solve_ivp
from torch import nn

from impl.networks.spec import generator
from theorems.pictures import kernel_flow_runs as exhibits

neighbors = pytest.importorskip("sklearn.neighbors")
load_digits = pytest.importorskip("sklearn.datasets").load_digits


def test_the_training_is_torchs_own_with_weight_decay():
    """Modules, `torch.optim.SGD` with its weight_decay, a loss of torch: the spectra, the gradients
    and the accuracy of every step kept.
    """
    steps, decay, width, samples = (0, 1, 7, 250), 0.01, 12, 40
    run = exhibits.trained_spectra(
        steps, decay=decay, rate=0.3, width=width, samples=samples, seed=5
    )
    images, labels = load_digits(return_X_y=True)
    inputs, labels = torch.tensor(images[:samples]) / 16, torch.tensor(labels[:samples])
    model = nn.Sequential(
        nn.Linear(64, width, bias=False),
        nn.ReLU(),
        nn.Linear(width, width, bias=False),
        nn.Linear(width, 10, bias=False),
    ).double()
    source, middle = generator(5), model[2].weight
    for (
        weight
    ) in model.parameters():  # the same start: entries of variance one over the layer's inputs
        values = torch.randn(weight.shape, generator=source, dtype=torch.float64)
        weight.data.copy_(values / weight.shape[1] ** 0.5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, weight_decay=decay)
    wanted = torch.eye(10, dtype=torch.float64)[labels]
    for step in range(steps[-1] + 1):
        optimizer.zero_grad()
        (nn.functional.mse_loss(model(inputs), wanted, reduction="sum") / (2 * samples)).backward()
        if step in steps:
            at = steps.index(step)
            np.testing.assert_allclose(
                run.values[at], np.linalg.svd(middle.detach().numpy())[1], rtol=1e-8, atol=1e-10
            )
            gradient = (middle.grad + decay * middle).detach().numpy()
            assert run.bounds[at] == pytest.approx(np.linalg.svd(gradient)[1][0] / decay, rel=1e-8)
        if step < steps[-1]:
            optimizer.step()
    assert run.steps == steps
    assert run.classes == 10
    assert run.accuracy == pytest.approx(float((model(inputs).argmax(1) == labels).double().mean()))
    assert run.accuracy > 0.5, "it learns"
    assert len({round(bound, 6) for bound in run.bounds}) == len(steps), "and moves"


def test_one_mode_follows_its_own_equation_along_the_whole_path():
    s, ridge, decay, until = 1.7, 0.4, 0.3, 9.0
    run = exhibits.kernel_paths(
        (s,), samples=1, ridge=ridge, decay=decay, until=until, size=0.3, seed=2
    )
    alone = solve_ivp(
        lambda _, k: 2 * (ridge * s**2 / (k + ridge) ** 2 - decay) * k,
        (0, until),
        run.eigenvalues[0],
        t_eval=run.times,
        method="Radau",
        rtol=1e-9,
        atol=1e-12,
    )
    np.testing.assert_allclose(run.eigenvalues, alone.y.T, rtol=1e-5)
    assert run.times[[0, 1, -1]] == pytest.approx([0, until / 1000, until])
    assert run.eigenvalues[-1, 0] == pytest.approx(run.levels[0], rel=1e-2)
    assert run.eigenvalues[0, 0] < 0.5 * run.levels[0], "it starts elsewhere"
    assert (run.label_values, run.ridge, run.decay) == (s, ridge, decay)


def test_the_noise_of_a_full_batch_is_none():
    run = exhibits.noise_spectra((10,), samples=10, width=8, classes=2, draws=2, seed=3)
    assert abs(run.centred[10]).max() == 0 == abs(run.averaged).max()
    assert (run.plain[10][:, 0] > 0.1).all()
    np.testing.assert_array_equal(run.plain[10][0], run.plain[10][1])
    assert run.classes == 2


@pytest.mark.parametrize("neighbours", [1, 4])
def test_the_laplacian_is_the_one_of_scipy_on_scikit_learns_graph(neighbours):
    images = load_digits(return_X_y=True)[0][:30]
    graph = neighbors.kneighbors_graph(images, neighbours)
    wanted = sparse.csgraph.laplacian(graph.maximum(graph.T), normed=True).toarray()
    np.testing.assert_allclose(
        exhibits.neighbour_laplacian(30, neighbours).numpy(), wanted, atol=1e-14
    )
