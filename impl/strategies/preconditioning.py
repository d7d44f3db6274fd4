"""Hypothesis strategies for preconditioned training of whole networks: recorded steps and twin data
sets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from theorems.impl.networks.losses import half_squared_error
from theorems.impl.networks.preconditioned_sgd import Preconditioner
from theorems.impl.networks.running import reseed
from theorems.impl.networks.spec import NetworkSpec, build, generator
from theorems.impl.preconditioning.first_layer import (
    FirstLayerTraining,
    PreconditionedSteps,
    preconditioned_steps,
)
from theorems.impl.preconditioning.twins import DataSet, TwinRuns, train_twins
from theorems.impl.strategies.layer_specimens import (
    KINDS,
    Elsewhere,
    OutputPreconditioned,
    Shifted,
    Squared,
    TiedAutoencoder,
    seeded_model,
)
from theorems.impl.strategies.layers import SEEDS, lattices
from theorems.impl.strategies.sizes import branches, span, turn

_RULES = st.sampled_from(["frozen", "sgd", "momentum"])


@st.composite
def _whole_matrices(draw: Callable[..., Any], size: int) -> Preconditioner:
    """P = A Aᵀ of whole numbers, fixed or changing: definite, of low rank, diagonal, zero."""

    def one() -> Tensor:
        root = draw(lattices((size, draw(st.integers(1, size))), 1))
        return torch.diag(root[:, 0].abs()) if draw(st.booleans()) else root @ root.mT

    first = one()
    if draw(st.booleans()):
        return first
    both = [first, one()]
    return lambda t: both[t % 2]


@st.composite
def lattice_steps(draw: Callable[..., Any]) -> PreconditionedSteps:
    """Integer ReLU and linear networks of depth 1 … 3 under η = 1: up to four steps, as long as
    nothing rounds.
    """
    widths = tuple(draw(st.integers(1, 3)) for _ in range(draw(span(1, 3, 5))))
    bias, rows = draw(st.booleans()), draw(span(1, 4, 6))
    spec = NetworkSpec(
        widths=widths, bias=bias, batch=rows, classes=draw(st.integers(1, 2)),
        activation=draw(st.sampled_from(["relu", "identity"])),
    )  # fmt: skip
    model = build(spec)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(draw(lattices(tuple(parameter.shape), 1)))
    inputs = draw(lattices((rows, widths[0]), 2))
    if rows > 1 and draw(st.booleans()):
        inputs[1] = inputs[0]
    columns = widths[0] + (bias and draw(st.booleans()))
    training = FirstLayerTraining(
        model,
        inputs,
        draw(lattices((rows, spec.classes), 2)),
        half_squared_error,
        preconditioner=draw(_whole_matrices(columns)),
        rate=1.0,
        decay=float(draw(st.integers(0, 2))),
        rest=draw(_RULES),
        test_inputs=draw(lattices((draw(st.integers(1, 2)), widths[0]), 2)),
        exact=True,
    )
    return training.run(draw(span(4, 4, 13)))


def preconditioners(
    size: int, inputs: Tensor, kind: str, source: torch.Generator
) -> Preconditioner:
    """P for drawn networks: "identity", "random", "low rank", "whitening", "changing", "zero"."""

    def wishart(rank: int) -> Tensor:
        root = torch.randn(size, rank, generator=source, dtype=torch.float64)
        product: Tensor = root @ root.mT / rank
        return product

    rows = inputs.reshape(-1, inputs.shape[-1])
    if kind == "whitening" and rows.shape[1] == size:
        inverse: Tensor = torch.linalg.inv(
            rows.mT @ rows / rows.shape[0] + 0.1 * torch.eye(size, dtype=torch.float64)
        )
        even: Tensor = (inverse + inverse.mT) / 2
        return even
    if kind == "changing":
        both = [wishart(size), wishart(1)]
        return lambda t: both[t % 2]
    fixed = {
        "identity": torch.eye(size, dtype=torch.float64),
        "zero": torch.zeros(size, size, dtype=torch.float64),
    }
    return fixed[kind] if kind in fixed else wishart(1 if kind == "low rank" else size + 1)


@st.composite
def seeded_steps(
    draw: Callable[..., Any], *, width: int = 16, steps: int = 3
) -> PreconditionedSteps:
    """Gaussian networks of every kind of `impl.strategies.layer_specimens`, P of every kind, the
    rest under SGD, momentum or Adam.
    """
    d, k, rows = (
        draw(span(1, width, width + 6, above=20)),
        draw(st.integers(1, width)),
        draw(st.integers(1, 12)),
    )
    number = turn()
    long = number is not None and number % 4 == 1
    steps, rate = (
        (draw(st.integers(13, 14)), 0.001) if long else (steps, 0.05 if number is None else 0.001)
    )
    seed, kind, bias = draw(SEEDS), draw(st.sampled_from(sorted(KINDS))), draw(st.booleans())
    source = generator(seed)
    model = seeded_model(kind, d, k, bias=bias, seed=seed)
    shape = (rows, 3, d) if kind in ("attention", "tokens") else (rows, d)
    inputs = torch.randn(shape, generator=source, dtype=torch.float64)
    with torch.no_grad():
        targets = torch.randn(model(inputs).shape, generator=source, dtype=torch.float64)
    fixed = st.sampled_from(["random", "whitening", "low rank", "identity", "zero"])
    which = draw(st.just("changing") | fixed)
    return preconditioned_steps(
        model,
        inputs,
        targets,
        draw(st.sampled_from([nn.functional.mse_loss, half_squared_error])),
        steps=steps,
        preconditioner=preconditioners(d + (bias and draw(st.booleans())), inputs, which, source),
        rate=rate,
        decay=draw(st.sampled_from([0.0, 0.1])),
        rest=draw(st.sampled_from(["sgd", "momentum", "adam"])),
        rest_rate=rate / 5,
        seed=seed % 1000,
    )


def training_steps() -> st.SearchStrategy[PreconditionedSteps]:
    """Recorded steps of integer networks and of seeded ones."""
    return branches(lattice_steps(), seeded_steps())


# -- instances that break one hypothesis -----------------------------------------------------------


def _recorded(model: nn.Module, width: int, seed: int, **options: Any) -> PreconditionedSteps:
    source = generator(seed)
    inputs = torch.randn(4, width, generator=source, dtype=torch.float64)
    with torch.no_grad():
        targets = torch.randn(model(inputs).shape, generator=source, dtype=torch.float64)
    return preconditioned_steps(
        model, inputs, targets, half_squared_error, steps=2, rate=0.05, **options
    )


@st.composite
def networks_out_of_reach(draw: Callable[..., Any]) -> PreconditionedSteps:
    """Convolutions first, an input that is used a second time, a tied weight, a trained layer
    before the first one.
    """
    width, seed = draw(st.integers(2, 5)), draw(SEEDS)
    kind = draw(st.sampled_from(["convolution", "skip", "gate", "tied", "norm first"]))
    with torch.random.fork_rng():
        reseed(seed)
        if kind == "convolution":
            layers = [
                nn.Unflatten(1, (1, width)),
                nn.Conv1d(1, 2, 1),
                nn.Flatten(),
                nn.Linear(2 * width, width),
            ]
            return _recorded(nn.Sequential(*layers).double(), width, seed)
        makers: dict[str, Callable[[], nn.Module]] = {
            "skip": lambda: Elsewhere(width, gate=False),
            "gate": lambda: Elsewhere(width, gate=True),
            "tied": lambda: TiedAutoencoder(width),
            "norm first": lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width)),
        }
        return _recorded(makers[kind]().double(), width, seed)


@st.composite
def nonlinear_first_layers(draw: Callable[..., Any]) -> PreconditionedSteps:
    """An ``nn.Linear`` that squares its inputs, or adds their squares: then it moves as a linear
    layer does, and decay tells them apart.
    """
    width, seed, kind = (
        draw(st.integers(1, 4)),
        draw(SEEDS),
        draw(st.sampled_from([Squared, Shifted])),
    )
    with torch.random.fork_rng():
        reseed(seed)
        model = nn.Sequential(kind(width, width), nn.Tanh(), nn.Linear(width, width)).double()
    return _recorded(model, width, seed, decay=0.5)


@st.composite
def other_optimisers(draw: Callable[..., Any]) -> PreconditionedSteps:
    """Adam, RMSprop or P on the output index in the first layer, recorded with one shared P; decay
    inside the gradient.
    """
    width, seed = draw(st.integers(2, 5)), draw(SEEDS)
    kind = draw(st.sampled_from(["adam", "rmsprop", "output index", "coupled decay"]))
    matrix = torch.diag(torch.arange(1.0, width + 1)).double()

    def first(
        parameters: list[nn.Parameter], rate: float, preconditioner: Preconditioner, decay: float
    ) -> torch.optim.Optimizer:
        del preconditioner  # that is the point
        if kind == "adam":
            return torch.optim.Adam(parameters, lr=rate)
        if kind == "rmsprop":
            return torch.optim.RMSprop(parameters, lr=rate)
        if kind == "output index":
            return OutputPreconditioned(parameters, rate, matrix)
        return OutputPreconditioned(parameters, rate, matrix, input_index=True, coupled_decay=decay)

    model = seeded_model("tokens", width, width, bias=False, seed=seed)
    return _recorded(
        model,
        width,
        seed,
        preconditioner=matrix,
        decay=0.5 if kind == "coupled decay" else 0.0,
        first=first,
    )


# -- twins -----------------------------------------------------------------------------------------


def _unimodular(draw: Callable[..., Any], d: int) -> tuple[Tensor, Tensor]:
    """A whole matrix of determinant ±1 and its inverse: a shear and a signed permutation."""
    signs = draw(lattices((d,), 1))
    signed = torch.diag(torch.where(signs < 0, -1.0, 1.0).double())[draw(st.permutations(range(d)))]
    matrix, inverse = signed, signed.mT.clone()
    if d > 1 and draw(st.booleans()):
        i, j = draw(st.permutations(range(d)))[:2]
        shear = torch.eye(d, dtype=torch.float64)
        shear[i, j] = draw(st.sampled_from([1.0, -1.0]))
        back = 2 * torch.eye(d, dtype=torch.float64) - shear
        matrix, inverse = matrix @ shear, back @ inverse
    return matrix, inverse


@st.composite
def twin_runs(draw: Callable[..., Any], *, broken: str = "") -> TwinRuns:
    """X' = XA with A whole and unimodular, P' = A⁻¹PA⁻ᵀ, W' = WA⁻ᵀ, or X' with columns that P' and
    W' do not see.

    Small integers drawn one by one, or larger integer data sets (up to 10 × 8) from a seed; up to
    three steps, none of which rounds.
    """
    seeded = draw(st.booleans())
    if seeded:
        source = generator(draw(SEEDS))
        rows, d, k, classes = (draw(span(2, n, m)) for n, m in ((10, 16), (8, 22), (6, 8), (2, 5)))

        def whole(*shape: int) -> Tensor:
            return torch.randint(-1, 2, shape, generator=source).double()
    else:
        rows, d, k, classes = (draw(span(1, n, n + 2)) for n in (3, 3, 3, 2))

        def whole(*shape: int) -> Tensor:
            found: Tensor = draw(lattices(shape, 1))
            return found

    calm = turn() is not None and not broken and draw(st.sampled_from([True, True, False]))
    rows = min(rows, d) if calm else rows
    inputs, weight, readout, targets = (
        whole(rows, d),
        whole(k, d),
        whole(classes, k),
        whole(rows, classes),
    )
    roots = [whole(d, draw(st.integers(1, d))) for _ in range(draw(st.integers(1, 2)))]
    # orthonormal rows, projectors and a fixed orthonormal readout: whole numbers stay small over
    # any number of steps
    if calm:
        inputs, readout = (
            torch.eye(rows, d, dtype=torch.float64),
            torch.eye(classes, k, dtype=torch.float64),
        )
        roots = [torch.diag(root[:, 0].abs()) for root in roots]
    matrices = [root @ root.mT for root in roots]
    unseen = draw(st.integers(0, 2))
    there, back = _unimodular(draw, d)

    def moved(t: int) -> Tensor:
        out = torch.zeros(d + unseen, d + unseen, dtype=torch.float64)
        out[:d, :d] = back @ matrices[t % len(matrices)] @ back.mT
        if broken == "gram":
            out[0, 0] += 1
        return out

    twin = torch.cat([inputs @ there, whole(rows, unseen)], 1)
    start = torch.cat([weight @ back.mT, torch.zeros(k, unseen, dtype=torch.float64)], 1)
    if broken:
        twin[0, 0] += 1 if not bool(twin[:, 0].any()) else 0
    if broken == "start":
        start[0, 0] += 1
    rolled = torch.eye(d, dtype=torch.float64)[torch.roll(torch.arange(d), 1)]
    again = torch.cat([weight, torch.ones(k, unseen, dtype=torch.float64)], 1)
    # keep the Gram matrices equal: the first data set follows
    if broken == "start" and twin.shape[1] == d:
        inputs = twin @ back
    if broken == "start" and twin.shape[1] > d:
        inputs = twin[:, :d] @ back

    def fixed(t: int) -> Tensor:
        return matrices[t % len(matrices)]

    last = nn.Linear(k, classes, bias=False).double()
    with torch.no_grad():
        last.weight.copy_(readout)
    rest = nn.Sequential(nn.ReLU() if draw(st.booleans()) else nn.Identity(), last)
    sets = [
        DataSet(inputs, fixed, weight),
        DataSet(twin, moved, start),
        DataSet(inputs @ rolled, fixed, weight @ rolled),
        DataSet(twin, moved, again),
    ]
    steps, decay = draw(span(3, 3, 16, above=13)), float(draw(st.integers(0, 1)))
    return train_twins(
        rest, targets, sets, steps=steps, rule="frozen" if calm else draw(_RULES), decay=decay
    )


def twins_with_other_grams() -> st.SearchStrategy[TwinRuns]:
    """The twin's P' has one entry too much where its inputs are not zero."""
    return twin_runs(broken="gram")


def twins_with_other_starts() -> st.SearchStrategy[TwinRuns]:
    """The twin's W'(0) has one entry too much where its inputs are not zero."""
    return twin_runs(broken="start")
