"""Both halves of the hierarchy's statements are observed: at any depth, on free vectors, zero gaps
and gaps that are not.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import pytest
import torch

from impl import InputError, gated_network, strategies
from impl.gram_hierarchy.gated import fields
from theorems import (
    Grade,
    Outcome,
    backward_pullback_recursion,
    check_model,
    closure_needs_gram_from_depth_three,
    equals,
    forward_pushforward_recursion,
    layerwise_kernel,
    weight_gram_is_first_nontrivial_pullback,
)
from theorems.checking.drawing import draws
from theorems.gram_hierarchy.operators import STATED, free_vectors, pulled_back, pushed_forward
from theorems.gram_hierarchy.weight_gram_operators import _gram_terms
from theorems.relations.signs import Signs


def deep(depth, width=3):
    """A whole-number network of any depth: unit 0 carries the input, the others are masked here and
    there.
    """
    weights = [torch.eye(width, dtype=torch.float64) for _ in range(depth)]
    for layer, weight in enumerate(weights):
        weight[0, 1] = (layer % 7 == 3) * 1.0
    masks = [torch.ones(2, width, dtype=torch.float64) for _ in range(depth)]
    for layer, mask in enumerate(masks):
        mask[layer % 2, 2] = float(layer % 5 != 0)
    inputs = torch.tensor([[1.0, 2, -1], [2.0, -1, 1]], dtype=torch.float64)
    readout = torch.tensor([1.0, -1, 2], dtype=torch.float64)
    return gated_network(
        weights, readout, inputs, torch.tensor([1.0, 4]).double(), gate="data", masks=masks
    )


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 66])
def test_the_layerwise_kernel_holds_at_any_depth(depth):
    verdict = layerwise_kernel(deep(depth))
    assert verdict.outcome is Outcome.HOLDS
    assert verdict.grade is Grade.EXACT
    if depth == 1:  # once is enough: it takes as long as the claim itself
        lost = layerwise_kernel.mutants["first layer left out"](deep(depth))
        assert lost.outcome is Outcome.REFUTED


@pytest.mark.slow
def test_no_claim_about_stacks_is_refuted_on_a_deep_network():
    torch.manual_seed(0)
    layers = []
    for _ in range(66):
        linear = torch.nn.Linear(4, 4, bias=False)
        with torch.no_grad():
            linear.weight.mul_(0.2).add_(torch.eye(4))
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Linear(4, 1)).double()
    inputs, targets = torch.randn(3, 4).double().abs(), torch.randn(3, 1).double()
    claims = [layerwise_kernel, weight_gram_is_first_nontrivial_pullback]
    results = check_model(model, inputs, targets, torch.nn.functional.mse_loss, claims=claims)
    assert {result.verdict.outcome for result in results if "→" in result.where} == {Outcome.HOLDS}


@pytest.mark.slow
def test_operators_need_no_recursion_of_python():
    net = deep(1500, width=3)
    seen = fields(net)
    found = STATED.pullback(net, seen, 0, seen.z[0])
    assert tuple(found.shape) == (2, 3)
    assert tuple(STATED.pushforward(net, seen, net.depth, seen.p[-1]).shape) == (2, 3)


@pytest.mark.slow
@pytest.mark.parametrize("exact", [False, True], ids=["floats", "integers"])
def test_operators_on_free_vectors_against_dense_ones(exact):
    """M and N formed entry by entry from their recursions, on a small network."""
    nets = draws(strategies.free_gated_networks(), examples=60, seed=2)
    net = next(
        n
        for n in nets
        if n.depth == 3 and n.inputs.shape[0] > 1 and min(w.shape[0] for w in n.weights) > 1
    )
    rows, seen = net.inputs.shape[0], fields(net)
    delta = [d @ d.mT for d in seen.delta]
    zeta = [z @ z.mT for z in seen.z]

    def jacobian(layer, row):
        return net.masks[layer][row][:, None] * net.weights[layer]

    def dense_m(level, a, b):
        if level == net.depth:
            return torch.zeros(net.weights[-1].shape[0]).double().diag()
        below = torch.eye(net.weights[level].shape[1]).double() * delta[level + 1][a, b]
        return below + jacobian(level, a).mT @ dense_m(level + 1, a, b) @ jacobian(level, b)

    def dense_n(level, a, b):
        if level == 0:
            return torch.zeros(net.inputs.shape[1]).double().diag()
        gates = (net.masks[level - 1][a] * net.masks[level - 1][b]).diag()
        return (
            zeta[level - 1][a, b] * gates
            + jacobian(level - 1, a) @ dense_n(level - 1, a, b) @ jacobian(level - 1, b).mT
        )

    for level in range(net.depth + 1):
        for dense, field, measured in (
            (dense_m, seen.z[level], pulled_back),
            (dense_n, seen.p[level], pushed_forward),
        ):
            vectors = free_vectors(field)
            wanted = torch.stack(
                [
                    -sum(net.residual[b] * (dense(level, a, b) @ vectors[b]) for b in range(rows))
                    for a in range(rows)
                ]
            )
            subject = net.exact() if exact else net
            given = (
                free_vectors(
                    subject.map(lambda v: v).inputs[:, :1] * 0 + vectors.numpy().astype(object)
                )
                if exact
                else vectors
            )
            found = measured(subject, level, given)
            numbers = torch.as_tensor(found.astype(float)) if exact else found
            assert torch.equal(numbers, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("claim", "mutant"),
    [
        (backward_pullback_recursion, "one mask more on the right"),
        (backward_pullback_recursion, "masks of the near sample only"),
        (weight_gram_is_first_nontrivial_pullback, "one mask more on the right"),
        (closure_needs_gram_from_depth_three, "conjugate dynamics close at depth one only"),
        (closure_needs_gram_from_depth_three, "conjugate dynamics never close"),
        (closure_needs_gram_from_depth_three, "conjugate dynamics close at every depth"),
        (closure_needs_gram_from_depth_three, "forward dynamics never close"),
        (closure_needs_gram_from_depth_three, "forward dynamics close at every depth"),
    ],
    ids=str,
)
def test_wrong_halves_are_refuted_by_default_examples(claim, mutant, seed):
    wrong = claim.mutants[mutant]
    drawn = draws(claim.instances(), examples=90, seed=seed)
    assert any(wrong(instance).outcome is Outcome.REFUTED for instance in drawn)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_exact_instances_decide_both_halves(depth):
    nets = [
        n
        for n in draws(strategies.positive_gated_networks(), examples=80, seed=3)
        if n.depth == depth
    ]
    assert nets
    claim = closure_needs_gram_from_depth_three
    for conjugate_from in (1, 2, 3, 4):
        for forward_from in (1, 2, 3):
            wrong = dataclasses.replace(
                claim,
                predict=partial(
                    _gram_terms, conjugate_from=conjugate_from, forward_from=forward_from
                ),
                changes={},
            )
            right = (depth >= conjugate_from) == (depth >= 3) and (depth >= forward_from) == (
                depth >= 2
            )
            outcomes = {wrong(net).outcome for net in nets[:5]}
            assert outcomes == ({Outcome.HOLDS} if right else {Outcome.REFUTED})


def test_a_measured_operator_that_is_off_is_refuted():
    net = deep(4)
    claim = forward_pushforward_recursion
    off = dataclasses.replace(
        claim,
        observe=lambda n: {k: v + ("free" in k) for k, v in claim.observe(n).items()},
        changes={},
    )
    verdict = off(net)
    assert verdict.outcome is Outcome.REFUTED
    assert "on free vectors" in verdict.context["part"]


def test_signs_by_pattern():
    signs = Signs({"a * is less": "<=", "a 3 is less": ">", "*": ">="})
    assert signs.get("a 70 is less") == "<="
    assert signs.get("a 3 is less") == ">"
    assert signs.get("b") == ">="
    assert Signs({"x*y*z": ">"}).get("xaybz", "=") == ">"
    assert Signs({"x*y*z": ">"}).get("xz", "=") == "="
    assert Signs({"ab*ba": ">"}).get("aba", "=") == "="
    assert Signs().get("anything", "=") == "="
    with pytest.raises(InputError, match="expected a sign among =, <=, >=, > for part 'b'"):
        Signs({"b": "<"})
    with pytest.raises(InputError, match="for part 'b'"):
        equals(observed=lambda n: n.inputs, on=strategies.gated_networks, signs={"b": "≤"})(
            layerwise_kernel.predict
        )
