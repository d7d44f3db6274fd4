"""Instances that no generic constructor makes as it is: written once for symbols and for
numbers.
"""

from __future__ import annotations

from typing import Any

from theorems.impl.feature_learning.chains import LinearChain
from theorems.impl.feature_learning.linear_networks import LinearNetwork, linear_network
from theorems.impl.feature_learning.whitening import WeightMotion
from theorems.impl.generic.networks import pairing
from theorems.impl.generic.source import Source
from theorems.impl.gram_hierarchy.gated import GatedNetwork, loss_gradient
from theorems.impl.kernel_flows.decayed import DecayedMatrix
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.numbers.operands import Operand
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.preconditioning.linear_students import InitialisedPair
from theorems.impl.symbolic.source import SymbolicSource


def tanh_network(source: Source, *, depth: int) -> Any:
    """A network of tanh whose velocities are differentiated through it; its masks say nothing."""
    rows = source.size(2, 4)
    widths = [source.size(2, 4) for _ in range(depth + 1)]
    weights = tuple(source.entries(n, m) for m, n in zip(widths, widths[1:], strict=False))
    masks = tuple(source.entries(rows, n) for n in widths[1:])
    still = tuple(weight * 0 for weight in weights)
    net = GatedNetwork(
        weights, source.entries(rows, widths[-1]), source.entries(rows, widths[0]), masks,
        source.entries(rows), still, gate="tanh",
    )  # fmt: skip
    grads = loss_gradient(net, net.weights, net.residual)
    object.__setattr__(net, "weight_velocity", tuple(-grad for grad in grads))
    return net


def linear_net(source: Source, *, depth: int) -> LinearNetwork:
    """A deep linear network in training on the squared loss."""
    rows = source.size(1, 3)
    widths = [source.size(1, 3) for _ in range(depth + 1)]
    weights = [source.entries(n, m) for m, n in zip(widths, widths[1:], strict=False)]
    return linear_network(
        weights, source.entries(rows, widths[0]), source.entries(rows, widths[-1])
    )


def preconditioned_step(source: Source) -> PreconditionedSteps:
    """Steps from any states by any symmetric P: what holds of each holds of every run, by
    induction.

    The run that never saw the inputs stands where the real one does before each step (the
    hypothesis of the induction) and makes of that what G_P tells.
    """
    steps, rows, tests, d, width = (source.size(1, 3) for _ in range(5))
    inputs, test_inputs = source.entries(steps, rows, d), source.entries(steps, tests, d)
    half, above = source.entries(steps, d, d), source.entries(steps, rows, width)
    matrix, weight = half + half.mT, source.entries(steps, width, d)
    rate, decay = source.positive(steps), source.positive(steps)
    eta = rate[..., None, None]
    (grad,) = source.gradient(lambda w: pairing(above, inputs @ w.mT).sum(-1), (weight,))
    after = weight * (1 - eta * decay[..., None, None]) - (grad @ matrix) * eta
    before = inputs @ weight.mT
    gram = inputs @ matrix @ inputs.mT
    blind = before * (1 - eta * decay[..., None, None]) - (gram @ above) * eta
    return PreconditionedSteps(
        inputs, test_inputs, weight, after, matrix, before, inputs @ after.mT,
        test_inputs @ weight.mT, test_inputs @ after.mT, above, above, blind, rate, decay,
    )  # fmt: skip


def minibatches(source: Source, *, soft: bool) -> MinibatchNoise:
    """Any batches of one size b, drawn with replacement: n_i counts which of the b places hold
    sample i; any gradient G at the outputs.

    If ``soft`` the loss does not see a shift of all outputs, so that the rows of G sum to zero.
    """
    batches, rows, width, classes, places = (source.size(1, 3) for _ in range(5))
    features, readout = source.entries(rows, width), source.entries(classes, width)
    above = source.shiftless(rows, classes) if soft else source.entries(rows, classes)
    counts = source.selection(batches, rows, places, chosen=1).sum(-1)
    everywhere = source.zeros(batches, rows, width) + features
    weights = counts[..., None] * above * rows
    (batch_grad,) = source.gradient(
        lambda phi: pairing(weights, phi @ readout.mT).sum(-1), (everywhere,)
    )
    (full_grad,) = source.gradient(lambda phi: pairing(above, phi @ readout.mT), (features,))
    size = source.number(places)
    return MinibatchNoise(
        features, readout, above, counts, batch_grad, full_grad, size, shift_free=soft
    )


def single_samples(source: Source) -> MinibatchNoise:
    """Every sample a batch of its own, any gradient G at the outputs."""
    rows, width, classes = (source.size(1, 3) for _ in range(3))
    features, readout = source.entries(rows, width), source.entries(classes, width)
    above, counts = source.entries(rows, classes), source.identity(rows)
    weights = counts[..., None] * above * rows
    (full_grad,) = source.gradient(lambda phi: pairing(above, phi @ readout.mT), (features,))
    return MinibatchNoise(
        features, readout, above, counts, weights @ readout, full_grad, source.number(1)
    )


def isotropic_pair(source: Source) -> InitialisedPair:
    """Two data sets X = X'M with R' = M R, so that their Gram matrices are equal, and starts N(0,
    I); one step.
    """
    rows, other, d, rank = (source.size(1, 3) for _ in range(4))
    twin, change, factor = (
        source.entries(rows, other),
        source.entries(other, d),
        source.entries(d, rank),
    )
    return InitialisedPair(
        twin @ change, factor, source.identity(d), twin, change @ factor, source.identity(other),
        source.entries(rows, 1), source.few(1), source.number(1),
    )  # fmt: skip


def decayed_matrix(source: Source, *, layer: bool, soft: bool = False) -> DecayedMatrix:
    """Free features, or a linear layer, behind which a linear map leads to the outputs; any
    gradient there, one whose rows sum to zero if ``soft``.
    """
    rows, width, classes, into = (source.size(1, 3) for _ in range(4))
    above = source.shiftless(rows, classes) if soft else source.entries(rows, classes)
    half, readout = source.positive(), source.entries(classes, width)
    inputs = source.entries(rows, into) if layer else None
    matrix = source.entries(width, into) if layer else source.entries(rows, width)

    def objective(m: Operand) -> Operand:
        outputs = (m if inputs is None else inputs @ m.mT) @ readout.mT
        return pairing(above, outputs) + pairing(m, m) * half

    (grad,) = source.gradient(objective, (matrix,))
    decay = source.number(half * 2)
    return DecayedMatrix(matrix, grad, decay, above, (readout,), inputs, shift_free=soft)


def balanced_chain(source: SymbolicSource, *, depth: int) -> LinearChain:
    """Weights of which nothing is known but that they are balanced."""
    widths = [source.size(1, 3) for _ in range(depth + 1)]
    return LinearChain(source.balanced(widths), source.entries(source.size(2, 3), widths[0]))


def weight_motion(source: SymbolicSource) -> WeightMotion:
    """Any weight and velocity: H + ΩW with Ω antisymmetric and H Wᵀ symmetric is what the spin's
    equation says of dW.
    """
    rows, columns = source.size(2, 3), source.size(2, 3)
    weight, rest = source.horizontal(rows, columns)
    half = source.entries(rows, rows)
    vertical = (half - half.mT) @ weight
    return WeightMotion(weight, rest + vertical, vertical)
