"""Generic instances with small entries, against torch: what autograd and written-out training make
of the same numbers.
"""

from fractions import Fraction

import numpy as np
import pytest
import torch

from impl.feature_learning.chains import imbalance
from impl.generic.networks import (
    _train,
    balanced_chain,
    decoder,
    gated_network,
    layer_trace,
    pairing,
    preconditioned_steps,
    twin_runs,
)
from impl.generic.source import SET_SIZE, Source

SHAPES = range(6)


def source(shape, largest=3):
    return Source(shape, shape + 10, largest=largest)


def floats(*arrays):
    return [torch.tensor(np.asarray(a).astype(float)) for a in arrays]


def close(found, wanted):
    torch.testing.assert_close(*floats(found), wanted.detach().double(), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_trace_is_one_backward_pass(shape):
    layer = layer_trace(source(shape))
    weight, inputs, above = floats(layer.weight, layer.inputs, layer.output_grad)
    bias = None if layer.bias is None else floats(layer.bias)[0]
    outputs = torch.nn.functional.linear(inputs.requires_grad_(), weight.requires_grad_(), bias)
    outputs.backward(above)
    close(layer.outputs, outputs)
    close(layer.weight_grad, weight.grad)
    close(layer.input_grad, inputs.grad)
    assert layer.rate > 0 < layer.decay


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_velocities_of_a_gated_network_are_autograds(shape, free):
    net = gated_network(source(shape), free_gates=free)
    weights = [w.requires_grad_() for w in floats(*net.weights)]
    z, readout, residual = floats(net.inputs, net.readout, net.residual)
    for weight, mask in zip(weights, floats(*net.masks), strict=True):
        z = mask * torch.einsum("nm,rm->rn", weight, z)
    torch.einsum("rn,rn,r->", z, readout, residual).backward()
    for speed, weight in zip(net.weight_velocity, weights, strict=True):
        close(speed, -weight.grad)
    assert net.gate == "data"
    values = {int(v) for mask in net.masks for v in mask.flat}
    assert free or values <= {0, 1}


def test_gated_networks_of_every_depth_and_free_gates_are_drawn():
    assert {gated_network(source(shape)).depth for shape in range(4)} == {1, 2, 3, 4}
    free = {
        int(v)
        for shape in SHAPES
        for m in gated_network(source(shape), free_gates=True).masks
        for v in m.flat
    }
    assert free - {0, 1}


@pytest.mark.parametrize("shape", SHAPES)
def test_preconditioned_steps_are_decoupled_decay_and_a_preconditioned_gradient(shape):
    steps = preconditioned_steps(source(shape))
    for t, (rate, decay) in enumerate(zip(steps.rate, steps.decay, strict=True)):
        inputs, tests, before, after, matrix = floats(
            steps.inputs[t],
            steps.test_inputs[t],
            steps.weight[t],
            steps.weight_after[t],
            steps.preconditioner[t],
        )
        weight = before.clone().requires_grad_()
        torch.nn.functional.linear(inputs, weight).backward(*floats(steps.seen_grad[t]))
        torch.testing.assert_close(
            after, before - float(rate) * (float(decay) * before + weight.grad @ matrix)
        )
        assert torch.equal(matrix, matrix.mT)
        named = {
            "before": (inputs, before),
            "after": (inputs, after),
            "test_before": (tests, before),
            "test_after": (tests, after),
        }
        for name, (x, w) in named.items():
            close(getattr(steps, name)[t], torch.nn.functional.linear(x, w))
    assert (steps.gram_only == steps.after).all()
    assert (steps.output_grad == steps.seen_grad).all()
    assert (steps.weight[1] == steps.weight_after[0]).all()


def test_training_of_a_quadratic_network_is_autograds():
    draw = source(1, largest=2)
    x, p, w, v = draw.entries(3, 2), draw.entries(2, 2), draw.entries(2, 2), draw.entries(1, 2)
    y, rates = (
        draw.entries(3, 1),
        np.array([Fraction(1, 8), Fraction(1, 4), Fraction(1, 16)], dtype=object),
    )
    zs, others = _train(draw, x, p, w, v, y, rates)
    inputs, matrix, targets, weight, readout = floats(x, p, y, w, v)
    for step, rate in enumerate([*rates, 0]):
        weight, readout = weight.detach().requires_grad_(), readout.detach().requires_grad_()
        z = inputs @ weight.mT
        close(zs[step], z)
        close(others[step], readout[0])
        (((z + z**2) @ readout.mT - targets).square().sum() / 2).backward()
        weight, readout = (
            weight - float(rate) * weight.grad @ matrix,
            readout - float(rate) * readout.grad,
        )
    assert len(zs) == len(others) == len(rates) + 1


@pytest.mark.parametrize("shape", SHAPES)
def test_twins_share_what_twins_share(shape):
    runs = twin_runs(source(shape))
    for x, p, twin, q in zip(
        runs.inputs, runs.preconditioner, runs.twin_inputs, runs.twin_preconditioner, strict=True
    ):
        assert (x @ p @ x.T == twin @ q @ twin.T).all()
    assert (runs.outputs[0] == runs.inputs[0] @ runs.start.T).all()
    assert (runs.twin_outputs[0] == runs.twin_inputs[0] @ runs.twin_start.T).all()
    assert (runs.inner_outputs[0] == runs.outputs[0]).all(), "rotated inputs, rotated weights"
    assert (runs.restarted_outputs[0] == runs.twin_inputs[0] @ runs.start.T).all()
    for path in (runs.others, runs.twin_others, runs.inner_others, runs.restarted_others):
        assert (path[0] == runs.others[0]).all()
    assert (runs.inputs[0] != runs.twin_inputs[0]).any()


def test_twins_that_share_less_part_at_every_generic_point_and_runs_have_one_step_or_two():
    made = [twin_runs(Source(shape, 0)) for shape in SHAPES]
    assert {len(runs.inputs) for runs in made} == {1, 2}
    for runs in made:
        assert (runs.twin_outputs == runs.outputs).all()
        assert (runs.twin_others == runs.others).all()
        assert (runs.inner_outputs[1] != runs.outputs[1]).any()
        assert (runs.restarted_outputs[1] != runs.outputs[1]).any()


def test_chains_are_balanced_and_of_every_depth():
    made = [balanced_chain(source(shape)) for shape in range(12)]
    assert {chain.depth for chain in made} == {1, 2, 3, 4}
    for chain in made:
        assert imbalance(chain) == 0
        assert all(isinstance(v, int) and (w != 0).any() for w in chain.weights for v in w.flat)


@pytest.mark.parametrize("shape", SHAPES)
def test_decoders_in_whole_numbers_where_no_unit_switches(shape):
    made = decoder(source(shape))
    (w1, w2), (b1, b2) = made.weights, made.biases
    for code, point in zip(made.codes.tolist(), made.points.tolist(), strict=True):
        hidden = [max(np.dot(row, code) + b, 0) for row, b in zip(w1, b1, strict=True)]
        assert point == [np.dot(row, hidden) + b for row, b in zip(w2, b2, strict=True)]
    assert made.switching_units() == 0
    assert (made.mixtures.sum(-1) == 1).all()
    assert (made.mixtures > 0).all()
    assert all(abs(v) > 2**100 for v in made.biases[0]), "far from every kink"


def test_pairing_is_the_sum_of_products():
    left, right = source(0).entries(2, 3, 4), source(1).entries(2, 3, 4)
    assert pairing(left, right).tolist() == np.einsum("tij,tij->t", left, right).tolist()


@pytest.mark.parametrize("sign", ["any", "positive"])
def test_entries_are_spread_over_the_whole_set(sign):
    """What Schwartz and Zippel count: every value of the set, not the even ones, not the small
    ones.
    """
    sources = [Source(0, seed) for seed in range(40)]
    drawn = [
        int(s.entries(1)[0]) if sign == "any" else int(s.positive())
        for s in sources
        for _ in range(20)
    ]
    low = -SET_SIZE // 2 if sign == "any" else 1
    assert all(low <= value < low + SET_SIZE for value in drawn)
    for modulus in (2, 3, 4, 5, 7, 8):
        assert {value % modulus for value in drawn} == set(range(modulus))
    eighths = [8 * (value - low) // SET_SIZE for value in drawn]
    assert min(map(eighths.count, range(8))) > 50, "a hundred are expected"
    assert len(set(drawn)) == len(drawn)
