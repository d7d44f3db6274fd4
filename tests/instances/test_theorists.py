"""Strategies for those who write conjectures: each decides true and false ones rightly, and its
measured fields are enclosed.
"""

from __future__ import annotations

import dataclasses

import flint
import pytest
import theorists
import torch

from impl import (
    InputError,
    attention_head,
    half_squared_error,
    linear_network,
    normalised_layer,
    softmax_head,
    strategies,
    training_run,
)
from impl.strategies.optimisers import RULES, lattice_runs
from theorems import Grade, Outcome, equals
from theorems.checking.check import check
from theorems.checking.drawing import draws
from theorems.checking.generic import examine
from theorems.checking.larger import larger
from theorems.relations.enclosures import enclose


def some(strategy, seed, count=30):
    return draws(strategy(), examples=count, seed=seed) + [
        one.drawn.instance for one in larger(strategy, 4, seed=seed)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("claim", theorists.TRUE, ids=lambda claim: claim.name)
def test_true_conjectures_hold(claim, seed):
    assert {claim(instance).outcome for instance in some(claim.instances, seed)} == {Outcome.HOLDS}


@pytest.mark.slow
@pytest.mark.parametrize("claim", theorists.FALSE, ids=lambda claim: claim.name)
def test_false_conjectures_are_refuted(claim):
    assert check(claim, examples=50).outcome is Outcome.REFUTED


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_what_is_true_because_of_the_loss_is_never_refuted(seed):
    @equals(observed=lambda head: head.logits_grad.sum(-1), on=strategies.softmax_heads, mutants={})
    def cancels(head: theorists.SoftmaxHead) -> theorists.Operand:
        """The gradients of a sample's logits sum to zero."""
        return head.targets.sum(-1) * 0

    assert Outcome.REFUTED not in {
        cancels(head).outcome for head in some(strategies.softmax_heads, seed)
    }


def test_integers_are_exact():
    run = next(r for r in draws(lattice_runs(), examples=40, seed=0) if bool(r.gradients.any()))
    assert theorists.descent_follows_the_gradient(run).grade is Grade.EXACT
    net = draws(strategies.lattice_linear_networks(), examples=10, seed=0)[-1]
    again = linear_network(net.exact().weights, net.exact().inputs, net.exact().targets)
    for measured, exact in zip(net.weight_velocity, again.weight_velocity, strict=True):
        assert (measured.numpy().astype(object) == exact).all()


def test_a_velocity_that_is_off_is_refuted():
    net = next(
        n for n in draws(strategies.seeded_linear_networks(), examples=20, seed=0) if n.depth > 2
    )
    off = (net.weight_velocity[0] * (1 + 1e-9), *net.weight_velocity[1:])
    assert not theorists.neighbours_move_alike(dataclasses.replace(net, weight_velocity=off))


def in_arb(value):
    return flint.arb_mat(value.tolist())


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-3, 1.0, 30.0, 300.0])
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_the_softmax_is_enclosed(size, reduction):
    source = torch.Generator().manual_seed(int(size * 1000))
    flint.ctx.prec = 300
    try:
        for _ in range(20):
            h, w = (torch.randn(n, 4, generator=source, dtype=torch.float64) * size for n in (5, 6))
            labels = torch.randint(0, 6, (5,), generator=source)
            head = softmax_head(h, w, labels, reduction=reduction)
            balls, logits = enclose(head), in_arb(h) * in_arb(w).transpose()
            total = flint.arb(0)
            for i in range(5):
                powers = [logits[i, j].exp() for j in range(6)]
                weight = flint.arb(1) if reduction == "sum" else flint.arb(1) / 5
                total -= (powers[int(labels[i])] / sum(powers)).log() * weight
                for j in range(6):
                    exact = (powers[j] / sum(powers) - int(labels[i] == j)) * weight
                    gap = abs(float(exact - flint.arb(float(head.logits_grad[i, j]))))
                    assert gap <= float(balls.logits_grad.error[i, j])
            assert abs(float(total - flint.arb(float(head.loss)))) <= float(balls.loss.error)
            assert float(balls.logits_grad.error.max()) < 1e-6 * max(1.0, size)
    finally:
        flint.ctx.prec = 53


@pytest.mark.parametrize("kind", ["layer", "rms", "batch"])
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e6])
def test_normalised_layers_are_enclosed(kind, offset):
    source = torch.Generator().manual_seed(int(offset))
    flint.ctx.prec = 300
    try:
        for _ in range(10):
            x, g = (torch.randn(4, 4, generator=source, dtype=torch.float64) for _ in range(2))
            x = x + offset
            layer = normalised_layer(x, g, kind=kind)
            balls = enclose(layer)
            for i in range(4):
                row, above = (m[:, i] if kind == "batch" else m[i] for m in (x, g))
                xs, gs = ([flint.arb(float(v)) for v in vector] for vector in (row, above))
                mean = sum(xs) / 4 if kind != "rms" else flint.arb(0)
                off = [v - mean for v in xs]
                scale = (sum(v * v for v in off) / 4 + flint.arb(float(layer.epsilon))).rsqrt()
                unit = [v * scale for v in off]
                mean_g = sum(gs) / 4 if kind != "rms" else flint.arb(0)
                cross = sum(a * b for a, b in zip(unit, gs, strict=True)) / 4
                for j in range(4):
                    at = (j, i) if kind == "batch" else (i, j)
                    grad = (gs[j] - mean_g - unit[j] * cross) * scale
                    assert abs(float(unit[j] - flint.arb(float(layer.outputs[at])))) <= float(
                        balls.outputs.error[at]
                    )
                    assert abs(float(grad - flint.arb(float(layer.input_grad[at])))) <= float(
                        balls.input_grad.error[at]
                    )
    finally:
        flint.ctx.prec = 53


@pytest.mark.parametrize("rule", sorted(RULES))
def test_steps_of_every_optimiser_are_enclosed(rule):
    """The same steps in float32-free arithmetic: a state rounded to 40 digits more is inside its
    ball.
    """
    model = torch.nn.Linear(3, 2, dtype=torch.float64)
    inputs, targets = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    run = training_run(model, inputs, targets, half_squared_error, RULES[rule](0.01), steps=12)
    assert tuple(run.parameters.shape) == (13, 8)
    assert run.steps == 12
    balls = enclose(run)
    assert 0 < float(balls.parameters.error[1:].max()) < 1e-9
    assert not balls.parameters.error[0].any()
    if rule == "sgd":
        assert theorists.descent_follows_the_gradient(run).outcome is Outcome.HOLDS
    if rule in ("momentum", "adam", "adamw", "adagrad", "rmsprop"):
        assert theorists.descent_follows_the_gradient(run).outcome is Outcome.REFUTED


DATA = torch.ones(3, 2, dtype=torch.float64)
BAD = {
    "labels of another shape": (
        lambda: softmax_head(DATA, DATA, torch.zeros(2).long()),
        r"labels of shape \(N,\) = \(3,\)",
    ),
    "labels out of range": (
        lambda: softmax_head(DATA, DATA, torch.tensor([0, 1, 3])),
        r"labels in 0 … 2",
    ),
    "labels that are floats": (
        lambda: softmax_head(DATA, DATA, torch.zeros(3)),
        r"labels in 0 … 2",
    ),
    "a reduction of none": (
        lambda: softmax_head(DATA, DATA, torch.zeros(3).long(), reduction="none"),
        "mean or sum",
    ),
    "keys of another width": (lambda: attention_head(DATA, DATA.mT, DATA), r"keys \(M, k\)"),
    "another norm": (lambda: normalised_layer(DATA, DATA, kind="group"), "kind to be one of"),
    "a batch of one": (lambda: normalised_layer(DATA[:1], DATA[:1], kind="batch"), "two samples"),
    "an ε of zero": (lambda: normalised_layer(DATA, DATA, epsilon=0.0), "epsilon above zero"),
    "a shift of rms": (
        lambda: normalised_layer(DATA, DATA, kind="rms", shift=torch.ones(2)),
        "no shift",
    ),
    "a chain that does not fit": (
        lambda: linear_network([DATA, DATA], DATA, DATA),
        r"W_2 of shape \(n_2, 3\)",
    ),
    "targets that do not fit": (
        lambda: linear_network([DATA], DATA, DATA),
        r"targets of shape \(N, n_L\) = \(3, 3\)",
    ),
    "no steps": (
        lambda: training_run(
            torch.nn.Linear(2, 1), DATA, DATA[:, :1], half_squared_error, RULES["sgd"](1.0), steps=0
        ),
        "at least one step",
    ),
    "closures": (
        lambda: training_run(
            torch.nn.Linear(2, 1), DATA, DATA[:, :1], half_squared_error, torch.optim.LBFGS, steps=1
        ),
        "LBFGS",
    ),
    "a rule of none": (lambda: strategies.training_runs("lion"), "rule to be one of"),
}


@pytest.mark.parametrize("title", BAD)
def test_bad_input_gets_no_instance(title):
    make, message = BAD[title]
    with pytest.raises(InputError, match=message):
        make()


def test_where_both_sides_are_empty_nothing_is_said():
    """The second gradient of a run of one step: there is none."""

    def stays(run: theorists.TrainingRun) -> theorists.Operand:
        """g_{t+1} = g_t: false, and there is nothing to see in a run of one step."""
        return run.gradients[:-1]

    claim = equals(observed=lambda run: run.gradients[1:], on=strategies.training_runs, mutants={})(
        stays
    )
    weight = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
    data = torch.ones(2, 1, dtype=torch.float64), torch.zeros(2, 1, dtype=torch.float64)

    def after(steps):
        sgd = lambda parameters: torch.optim.SGD(parameters, lr=0.25)  # noqa: E731
        return claim(training_run(weight, *data, half_squared_error, sgd, steps=steps))

    assert after(1).outcome is Outcome.INAPPLICABLE
    assert "nothing is compared" in after(1).context["reason"]
    assert after(2).outcome is Outcome.REFUTED


def test_deep_linear_networks_earn_a_probability():
    """The strategies for theorists draw families that are named."""
    by_name = {claim.name: claim for claim in (*theorists.TRUE, *theorists.FALSE)}
    moved = examine(by_name["neighbours_move_alike"])
    assert moved.error_probability < 2.0**-50
    assert moved.family.name.startswith("deep linear networks of any weights")
    assert moved.also == ["depth 5 and 6"]
    assert examine(by_name["grams_of_a_linear_network_are_conserved"]).refutation is not None
    assert examine(by_name["every_linear_network_is_balanced"]).refutation is not None
    balanced = examine(by_name["balanced_grams_agree"])
    assert balanced.error_probability is None, (
        "balance is built in, and the claim does not state it"
    )
    assert "name it in hypotheses=" in balanced.missing
    assert examine(by_name["scales_like_its_outputs"]).family.name.startswith(
        "linear layers without a bias"
    )
