"""Preconditioned training of whole networks: the optimiser, the recorder, exactness, refusals, and
what must be refuted.
"""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import nn

from impl import NetworkSpec, build, half_squared_error, preconditioned_steps, train_twins
from impl.errors import InputError
from impl.preconditioning.first_layer import FirstLayerTraining
from impl.preconditioning.twins import DataSet
from impl.strategies import preconditioning as strategies
from impl.strategies.layer_specimens import (
    KINDS,
    Elsewhere,
    OutputPreconditioned,
    TiedAutoencoder,
    seeded_model,
)
from theorems import (
    Grade,
    Outcome,
    gram_sufficiency_at_inference,
    gram_sufficiency_in_training,
    same_gram_same_training,
)
from theorems.checking.drawing import draws
from theorems.preconditioning.training_steps import rounds_nowhere

DOUBLE = torch.float64


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def positive(size, seed=1):
    root = normal(size, size, seed=seed)
    return root @ root.mT / size


def whole(*shape, seed=0, top=1):
    return torch.randint(
        -top, top + 1, shape, generator=torch.Generator().manual_seed(seed)
    ).double()


# -- real networks ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("rest", ["sgd", "adam"])
def test_every_kind_of_network_sees_its_inputs_through_the_gram_alone(kind, rest):
    model = seeded_model(kind, 4, 6, bias=True, seed=3)
    inputs = normal(7, 3, 4) if kind in ("attention", "tokens") else normal(7, 4)
    targets = torch.zeros_like(model(inputs)).detach() + 0.5
    before = copy.deepcopy(model.state_dict())
    steps = preconditioned_steps(
        model,
        inputs,
        targets,
        nn.functional.mse_loss,
        preconditioner=positive(5),
        rate=0.1,
        decay=0.1,
        rest=rest,
        steps=4,
    )
    for claim in (gram_sufficiency_in_training, gram_sufficiency_at_inference):
        verdict = claim(steps)
        assert verdict, verdict
    drift = gram_sufficiency_in_training(steps).context[
        "drift of a Gram-only run after these 4 steps"
    ]
    assert drift == steps.drift < 1e-12
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_float32_networks_are_judged_by_their_own_format():
    model = seeded_model("mlp", 4, 6, bias=True, seed=3).float()
    steps = preconditioned_steps(
        model, normal(7, 4).float(), normal(7, 2).float(), nn.functional.mse_loss, steps=3
    )
    verdict = gram_sufficiency_in_training(steps)
    assert verdict, verdict
    assert 1e-9 < verdict.bound < 1e-3


@pytest.mark.parametrize(("rest", "least"), [("frozen", 5), ("sgd", 2), ("momentum", 2)])
def test_integer_networks_agree_exactly_along_the_whole_path(rest, least):
    spec = NetworkSpec(widths=(3, 4), bias=True, classes=1)
    model = build(spec)
    with torch.no_grad():
        for i, parameter in enumerate(model.parameters()):
            parameter.copy_(whole(*parameter.shape, seed=i))
    root = whole(4, 2, seed=9)
    training = FirstLayerTraining(
        model,
        whole(3, 3, seed=5),
        whole(3, 1, seed=6),
        half_squared_error,
        preconditioner=root @ root.mT,
        rate=1.0,
        rest=rest,
        decay=1.0,
        test_inputs=whole(2, 3, seed=7),
        exact=True,
    )
    steps = training.run(10)
    assert steps.rate.shape[0] >= least  # and then integers would leave 2^50
    verdict = gram_sufficiency_in_training(steps)
    assert verdict.grade is Grade.EXACT
    assert verdict.measured == verdict.bound == steps.drift == 0
    assert bool((steps.gram_only == steps.after).all())
    assert gram_sufficiency_in_training(steps.exact()).grade is Grade.EXACT
    exact = steps.exact()
    off = dataclasses.replace(exact, gram_only=exact.gram_only - 3)
    assert off.drift == 3 * exact.after[-1].size ** 0.5
    assert dataclasses.replace(steps, gram_only=steps.gram_only * 0).drift == 1


def test_a_path_in_chunks_is_the_path():
    inputs, targets = normal(6, 3), normal(6, 2, seed=1)
    model, matrix = build(NetworkSpec()), positive(3)
    whole_path = preconditioned_steps(
        model, inputs, targets, half_squared_error, preconditioner=matrix, steps=4
    )
    training = FirstLayerTraining(model, inputs, targets, half_squared_error, preconditioner=matrix)
    chunks = [training.run(2), training.run(2)]
    assert torch.equal(torch.cat([chunk.after for chunk in chunks]), whole_path.after)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            nn.Sequential(
                nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 2, 1), nn.Flatten(), nn.Linear(8, 4)
            ),
            "is a Conv1d",
        ),
        (Elsewhere(4, gate=False), "inputs are used elsewhere"),
        (Elsewhere(4, gate=True), "inputs are used elsewhere"),
        (TiedAutoencoder(4), "used a second time"),
        (nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 4)), "before the first layer"),
        (nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 4)), "change during training"),
        (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))), "parametrised"),
    ],
)
def test_networks_out_of_reach_are_inapplicable_with_the_reason(model, reason):
    steps = preconditioned_steps(
        model.double(), normal(6, 4), normal(6, 4, seed=1), half_squared_error, steps=2
    )
    verdict = gram_sufficiency_in_training(steps)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert reason in verdict.context["reason"]


def test_one_layer_called_twice_is_inapplicable():
    layer = nn.Linear(4, 4)
    steps = preconditioned_steps(
        nn.Sequential(layer, nn.Tanh(), layer).double(),
        normal(6, 4),
        normal(6, 4),
        half_squared_error,
    )
    assert "called 2 times" in gram_sufficiency_in_training(steps).context["reason"]


@pytest.mark.parametrize(
    ("model", "inputs", "targets", "message"),
    [
        (
            nn.Sequential(nn.Tanh()),
            normal(3, 4),
            normal(3, 4),
            "whose first layer is an nn.Linear, got one of",
        ),
        (nn.Linear(4, 2).double(), normal(3, 5), normal(3, 2), "inputs that the model accepts"),
        (nn.Linear(4, 2).double(), normal(3, 4), normal(3, 1), "targets of shape"),
        ("a string", normal(3, 4), normal(3, 1), "nn.Module as model, got str"),
    ],
)
def test_recorder_refuses(model, inputs, targets, message):
    with pytest.raises(InputError, match=message):
        preconditioned_steps(model, inputs, targets, half_squared_error)


# -- what must be refuted --------------------------------------------------------------------------


def optimisers():
    matrix = torch.diag(torch.arange(1.0, 5.0)).double()
    return {
        "Adam": lambda p, rate, _, __: torch.optim.Adam(p, lr=rate),
        "RMSprop": lambda p, rate, _, __: torch.optim.RMSprop(p, lr=rate),
        "Adagrad": lambda p, rate, _, __: torch.optim.Adagrad(p, lr=rate),
        "P on the output index": lambda p, rate, _, __: OutputPreconditioned(p, rate, matrix),
        "coupled decay": lambda p, rate, _, __: OutputPreconditioned(
            p, rate, matrix, input_index=True, coupled_decay=0.5
        ),
    }


@pytest.mark.parametrize("name", optimisers())
def test_one_shared_gram_does_not_describe(name):
    """Per-weight diagonal preconditioners have one P per neuron: no shared one fits, not even the
    best of their means.
    """
    model = seeded_model("tokens", 4, 4, bias=False, seed=1)
    steps = preconditioned_steps(
        model,
        normal(5, 4),
        normal(5, 2, seed=1),
        half_squared_error,
        first=optimisers()[name],
        rate=0.05,
        preconditioner=torch.diag(torch.arange(1.0, 5.0)).double(),
        decay=0.5 if name == "coupled decay" else 0.0,
    )
    verdict = gram_sufficiency_in_training(steps)
    assert verdict.outcome is Outcome.INAPPLICABLE
    assert "shared by all neurons" in verdict.context["reason"]
    assert (
        gram_sufficiency_in_training.without("one preconditioner on the input index")(steps).outcome
        is Outcome.REFUTED
    )


@pytest.mark.parametrize("optimiser", ["adam", "adahessian"])
def test_no_single_preconditioner_explains_a_per_weight_one(optimiser):
    """The best symmetric P for the observed step, by least squares over all of them, still misses
    it by far.
    """
    d, k = 3, 8
    layer = nn.Linear(d, k, bias=False, dtype=DOUBLE)
    with torch.no_grad():
        layer.weight.copy_(normal(k, d))
    inputs, targets = normal(6, d, seed=1), normal(6, k, seed=2)
    half_squared_error(torch.tanh(layer(inputs)), targets).backward()
    slope = layer.weight.grad.clone()
    if optimiser == "adam":
        second = slope**2
    else:  # the Hessian's diagonal, per weight
        hessian = torch.autograd.functional.hessian(
            lambda w: half_squared_error(torch.tanh(inputs @ w.reshape(k, d).mT), targets),
            layer.weight.detach().reshape(-1),
        )
        second = hessian.diagonal().reshape(k, d) ** 2
    move = slope / (second.sqrt() + 1e-8)
    best = torch.linalg.lstsq(slope, move).solution
    assert float((slope @ best - move).norm() / move.norm()) > 0.1


def test_refuted_mutants_by_name_on_one_network():
    model = seeded_model("mlp", 3, 5, bias=True, seed=1)
    steps = preconditioned_steps(
        model,
        normal(6, 3),
        normal(6, 2, seed=1),
        half_squared_error,
        preconditioner=positive(4),
        decay=0.2,
    )
    for claim in (gram_sufficiency_in_training, gram_sufficiency_at_inference):
        for name, mutant in claim.mutants.items():
            # P is fixed, floats round
            if name not in (
                "Gram of the last step",
                "the run is one step late",
            ):
                assert mutant(steps).outcome is Outcome.REFUTED, name


def test_an_error_in_the_recorded_network_is_caught():
    steps = preconditioned_steps(
        build(NetworkSpec()), normal(5, 3), normal(5, 2), half_squared_error
    )
    assert gram_sufficiency_in_training(steps)
    wrong = steps.after.clone()
    wrong[1, 2, 0] *= 1 + 1e-12
    verdict = gram_sufficiency_in_training(dataclasses.replace(steps, after=wrong))
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.context["entry"] == (1, 2, 0)


# -- twins -----------------------------------------------------------------------------------------


def test_data_in_another_dimension_with_the_same_gram_train_identically():
    inputs, weight = whole(4, 3, seed=1), whole(2, 3, seed=2)
    matrix = torch.diag(torch.tensor([1.0, 2.0, 0.0])).double()
    wide = torch.cat(
        [inputs[:, [2, 0, 1]] * torch.tensor([1.0, -1.0, 1.0]), whole(4, 5, seed=3)], 1
    )
    hidden = torch.zeros(8, 8, dtype=DOUBLE)
    hidden[1, 1], hidden[2, 2] = 1.0, 2.0
    start = torch.cat(
        [weight[:, [2, 0, 1]] * torch.tensor([1.0, -1.0, 1.0]), torch.zeros(2, 5, dtype=DOUBLE)], 1
    )
    last = nn.Linear(2, 1, bias=False, dtype=DOUBLE)
    with torch.no_grad():
        last.weight.copy_(whole(1, 2, seed=4))
    first = DataSet(inputs, lambda _: matrix, weight)
    twin = DataSet(wide, lambda _: hidden, start)
    runs = train_twins(
        nn.Sequential(nn.ReLU(), last), whole(4, 1, seed=5), [first, twin, first, twin], steps=4
    )
    verdict = same_gram_same_training(runs)
    assert verdict, verdict
    assert verdict.grade is Grade.EXACT
    assert runs.outputs.shape[0] >= 3
    assert not torch.equal(runs.outputs[0], runs.outputs[-1])


# -- long paths ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_two_hundred_integer_steps_agree_exactly():
    """G_P has the eigenvalues 0, 1 and 2 and the readout is the identity: integers stay bounded and
    are still moving at the end.
    """
    inputs = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, -1], [0, 0, 1, 0]], dtype=DOUBLE)
    double = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 2, 0], [0, 0, 0, 2]], dtype=DOUBLE)
    single = torch.diag(torch.tensor([0, 0, 2, 2], dtype=DOUBLE))
    model = nn.Sequential(
        nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 3, bias=False)
    ).double()
    with torch.no_grad():
        model[0].weight.copy_(
            torch.tensor([[3, 2, -2, 5], [1, 4, -1, 3], [-2, 1, -5, -1]], dtype=DOUBLE)
        )
        model[2].weight.copy_(torch.eye(3))
    targets = torch.tensor([[3, 4, 1], [4, 3, 2], [3, 4, 4], [4, 3, 2]], dtype=DOUBLE)
    training = FirstLayerTraining(
        model, inputs, targets, half_squared_error, rate=1.0, rest="frozen", exact=True,
        preconditioner=lambda t: single if t % 3 == 2 else double, test_inputs=whole(2, 4, seed=7),
    )  # fmt: skip
    steps = training.run(200)
    assert steps.rate.shape[0] == 200
    assert float(steps.after.abs().max()) < 20
    assert not torch.equal(steps.after[-1], steps.before[-1])
    for claim in (gram_sufficiency_in_training, gram_sufficiency_at_inference):
        assert claim(steps).grade is Grade.EXACT
        assert claim(steps).measured == 0
    assert steps.drift == 0
    assert (
        gram_sufficiency_in_training.mutants["Gram of the last step"](steps).outcome
        is Outcome.REFUTED
    )


@pytest.mark.slow
def test_two_hundred_steps_of_a_float_network_with_momentum_and_a_changing_preconditioner():
    """Every step within its bound; the run that never sees X again stays near, and the verdict says
    how near.
    """
    model = seeded_model("residual", 6, 8, bias=True, seed=5)
    matrices = [positive(7), torch.eye(7, dtype=DOUBLE)]
    training = FirstLayerTraining(
        model,
        normal(10, 6),
        normal(10, 2, seed=1),
        nn.functional.mse_loss,
        preconditioner=lambda t: matrices[t // 5 % 2],
        rate=0.05,
        decay=0.01,
        rest="momentum",
        rest_rate=0.01,
    )
    steps = training.run(200)
    verdict = gram_sufficiency_in_training(steps)
    assert verdict
    assert 0 < verdict.measured <= verdict.bound < 1e-12
    assert 0 < verdict.context["drift of a Gram-only run after these 200 steps"] < 1e-8


def lattice_run():
    found = draws(strategies.lattice_steps(), examples=60, seed=5)
    return next(s for s in found if len(s.rate) > 2 and bool((s.after[0] != s.after[-1]).any()))


@pytest.mark.slow
@pytest.mark.parametrize("exact", [False, True], ids=["whole floats", "integers"])
def test_a_run_that_never_saw_the_inputs_is_judged_where_nothing_rounds(exact):
    steps = lattice_run()
    steps = steps.exact() if exact else steps
    assert gram_sufficiency_in_training(steps).outcome is Outcome.HOLDS
    moved = steps.gram_only * 1
    moved[-1, 0, 0] += 1  # one entry of the last step
    verdict = gram_sufficiency_in_training(dataclasses.replace(steps, gram_only=moved))
    assert verdict.outcome is Outcome.REFUTED
    assert verdict.context["part"] == "a run that never saw X"


def test_a_blind_run_with_rounding_is_reported_and_not_judged():
    steps = draws(strategies.seeded_steps(), examples=3, seed=1)[-1]
    assert not rounds_nowhere(steps)
    verdict = gram_sufficiency_in_training(
        dataclasses.replace(steps, gram_only=steps.gram_only * 2)
    )
    assert verdict.outcome is Outcome.HOLDS
    assert any("drift" in name for name in verdict.context)


def one_sample(*, inputs, target, matrix, schedule=None, **options):
    """Training of f = v·w·x from v = w = 1 on one sample, four times the same data."""
    number = torch.tensor([[1.0]], dtype=torch.float64)
    last = nn.Linear(1, 1, bias=False, dtype=torch.float64)
    with torch.no_grad():
        last.weight.fill_(1)
    data = DataSet(number * inputs, schedule or (lambda _: number * matrix), number)
    return train_twins(
        nn.Sequential(nn.Identity(), last), number * target, [data] * 4, steps=3, **options
    )


def test_training_on_integers_stops_before_a_sum_could_round():
    """Each case is below 2^50 but for one sum: of the first layer's step, and of the readout's, to
    which momentum adds.
    """
    one_sample(inputs=2**5, target=2**6, matrix=2**5)
    with pytest.raises(InputError, match=r"below 2\^50"):
        one_sample(inputs=2**17, target=2**17 - 1, matrix=2**30)  # Δw = 2^17 residual·x times 2^30
    with pytest.raises(InputError, match=r"below 2\^50"):
        # Δv = 2^49 once more per step
        one_sample(inputs=1, target=2**49, matrix=0, rule="momentum")


def test_each_step_has_its_own_preconditioner():
    turns = [torch.tensor([[float(p)]], dtype=torch.float64) for p in (1, 0, 2, 5)]
    runs = one_sample(inputs=1, target=2, matrix=0, schedule=lambda t: turns[t], rule="frozen")
    assert runs.preconditioner[:, 0, 0].tolist() == [1, 0, 2]
    assert runs.outputs[:, 0, 0].tolist() == [1, 2, 2, 2], "w ← w + p(2 − w)"
