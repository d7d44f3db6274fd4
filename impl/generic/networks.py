"""Generic layers, gated networks, first layers in training: entries drawn, gradients by exact
differentiation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from theorems.impl.feature_learning.chains import LinearChain
from theorems.impl.feature_learning.decoders import Decoder
from theorems.impl.feature_learning.linear_networks import LinearNetwork, run
from theorems.impl.generic.source import Source
from theorems.impl.gram_hierarchy.gated import GatedNetwork, outputs
from theorems.impl.networks.layers import LayerTrace
from theorems.impl.numbers.operands import Operand, reciprocal
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.preconditioning.twins import TwinRuns


def pairing(left: Operand, right: Operand) -> Operand:
    """⟨A, B⟩ over the last two dimensions: the linear function of B whose gradient is A."""
    return (left * right).sum(-1).sum(-1)


def layer_trace(source: Source, *, biases: Sequence[bool] = (True, True, False)) -> LayerTrace:
    """Weight, bias, inputs and the gradient at the outputs drawn: whatever loss comes after the
    layer.

    On some shapes there is no bias, two samples are equal, or one has no gradient (as behind a ReLU
    that is shut). ``biases`` says whether there is a bias, shape after shape.
    """
    rows, width, into = source.size(2, 5), source.size(2, 4), source.size(2, 4)
    weight, inputs = source.entries(width, into), source.entries(rows, into)
    bias = source.entries(width) if biases[source.shape % len(biases)] else None
    above = source.entries(rows, width)
    if source.shape % 4 == 1:
        inputs[1] = inputs[0]
    if source.shape % 4 == 3:
        above[-1] = 0
    shift = 0 if bias is None else bias[None, :]
    by_weight, by_inputs = source.gradient(
        lambda w, h: pairing(above, h @ w.mT + shift), (weight, inputs)
    )
    return LayerTrace(
        weight=weight,
        inputs=inputs,
        weight_grad=by_weight,
        input_grad=by_inputs,
        output_grad=above,
        outputs=inputs @ weight.mT + shift,
        bias=bias,
        rate=source.positive(),
        decay=source.positive(),
        name="generic",
    )


def gated_network(
    source: Source,
    *,
    depths: tuple[int, int] = (1, 4),
    free_gates: bool = False,
    linear: bool = False,
) -> GatedNetwork:
    """Masks as data, a readout per row and any residuals; two equal samples on some shapes, all
    gates open on some.

    Args:
        source: where the numbers come from.
        depths: the least depth and the largest one; every one between them comes up.
        free_gates: draw the gates from the large set too: what holds then holds for every pattern
            of masks, and for leaky activations.
        linear: all gates are open on every shape.
    """
    least, most = depths
    depth, rows = least + source.shape % (most - least + 1), source.size(2, 4)
    widths = [source.size(2, 4) for _ in range(depth + 1)]
    weights = tuple(source.entries(n, m) for m, n in zip(widths, widths[1:], strict=False))
    masks = tuple(source.bits(rows, n) for n in widths[1:])
    if free_gates:
        masks = tuple(source.entries(rows, n) for n in widths[1:])
    elif linear or source.shape % 5 == 4:
        masks = tuple(mask * 0 + 1 for mask in masks)
    inputs = source.entries(rows, widths[0])
    if source.shape % 3 == 2:
        inputs[1] = inputs[0]
    net = GatedNetwork(
        weights, source.entries(rows, widths[-1]), inputs, masks, source.entries(rows),
        tuple(weight * 0 for weight in weights), gate="data",
    )  # fmt: skip
    grads = source.gradient(lambda *w: (net.residual * outputs(net, w)).sum(-1), weights)
    return GatedNetwork(
        weights,
        net.readout,
        net.inputs,
        masks,
        net.residual,
        tuple(-grad for grad in grads),
        gate="data",
    )


def preconditioned_steps(source: Source) -> PreconditionedSteps:
    """Two steps on one batch at one rate and decay, each with its own P = AAᵀ and gradient at the
    outputs.
    """
    steps, rows, tests = 2, source.size(2, 4), source.size(1, 2)
    d, width = source.size(2, 3), source.size(1, 3)
    inputs, test_inputs = (
        np.stack([part] * steps) for part in (source.entries(rows, d), source.entries(tests, d))
    )
    half, above = source.entries(steps, d, d), source.entries(steps, rows, width)
    matrix = half @ half.mT
    rate, decay = (np.stack([part] * steps) for part in (source.positive(), source.positive()))
    weights = [source.entries(width, d)]
    for t in range(steps):
        (grad,) = source.gradient(
            lambda w, t=t: pairing(above[t], inputs[t] @ w.mT), (weights[-1],)
        )
        weights.append(weights[-1] * (1 - rate[t] * decay[t]) - (grad @ matrix[t]) * rate[t])
    before, after = np.stack(weights[:-1]), np.stack(weights[1:])
    seen = inputs @ after.mT
    return PreconditionedSteps(
        inputs,
        test_inputs,
        before,
        after,
        matrix,
        inputs @ before.mT,
        seen,
        test_inputs @ before.mT,
        test_inputs @ after.mT,
        above,
        above,
        seen,
        rate,
        decay,
    )


def _train(
    source: Source,
    inputs: Operand,
    matrix: Operand,
    start: Operand,
    readout: Operand,
    targets: Operand,
    rates: Operand,
) -> tuple[Operand, Operand]:
    """(Z, v) along training of Σ_j v_j (z_j + z_j²) on ½‖f − y‖², P on the first layer and plain
    steps on v.
    """

    def run(weight: Operand, v: Operand) -> Operand:
        z = inputs @ weight.mT
        return (z + z * z) @ v.mT

    zs, others = [inputs @ start.mT], [readout[0]]
    weight, v = start, readout
    for rate in rates:
        residual = run(weight, v) - targets
        by_weight, by_readout = source.gradient(
            lambda w, r, e=residual: pairing(e, run(w, r)), (weight, v)
        )
        weight, v = weight - (by_weight @ matrix) * rate, v - by_readout * rate
        zs.append(inputs @ weight.mT)
        others.append(v[0])
    return np.stack(zs), np.stack(others)


def twin_runs(source: Source) -> TwinRuns:
    """X = X'M, P = AAᵀ and P' = M P Mᵀ with M square and generic; two steps of a quadratic network,
    each trained exactly.
    """
    rows, d, width, steps = (
        source.size(2, 3),
        source.size(2, 3),
        source.size(1, 2),
        1 + source.shape % 2,
    )
    twin, change, root = source.entries(rows, d), source.entries(d, d), source.entries(d, d)
    matrix = root @ root.mT
    inputs, start, readout = twin @ change, source.entries(width, d), source.entries(1, width)
    targets, rates = source.entries(rows, 1), source.positive(steps)
    # never the identity, which would turn nothing
    turned = np.roll(np.eye(d, dtype=int), 1, axis=0).astype(object)
    train = partial(_train, source, readout=readout, targets=targets, rates=rates)
    twin_matrix, twin_start = change @ matrix @ change.mT, start @ change.mT
    paths = [
        train(inputs, matrix, start),
        train(twin, twin_matrix, twin_start),
        train(inputs @ turned, matrix, start @ turned),
        train(twin, twin_matrix, start),
    ]
    return TwinRuns(
        np.stack([inputs] * steps), np.stack([matrix] * steps), start, np.stack([twin] * steps),
        np.stack([twin_matrix] * steps), twin_start, *(part for path in paths for part in path),
    )  # fmt: skip


def balanced_chain(source: Source, *, depths: tuple[int, int] = (1, 4)) -> LinearChain:
    """W_l = c_l Q_l D Q_{l−1}ᵀ, integers, with Q_lᵀQ_l = q_l²I and c_l the product of the other
    q's; D drawn.

    D is as large as the narrowest layer, with two equal values on some shapes; the other layers are
    as wide, or wider by one.
    """
    least, most = depths
    depth, rank = least + source.shape % (most - least + 1), source.size(1, 3)
    values = source.positive(rank)
    if source.shape % 3 == 2 and rank > 1:
        values[1] = values[0]
    widths = [rank + source.size(0, 1) for _ in range(depth + 1)]
    widths[source.size(0, depth)] = rank
    frames = [source.scaled_orthogonal(width) for width in widths]
    weights = []
    for layer in range(1, depth + 1):
        others = _product([q for i, (_, q) in enumerate(frames) if i not in (layer - 1, layer)])
        left, right = frames[layer][0][:, :rank], frames[layer - 1][0][:, :rank]
        weights.append((left * values) @ right.mT * others)
    return LinearChain(tuple(weights), source.entries(source.size(2, 3), widths[0]))


def linear_chain(source: Source, *, depths: tuple[int, int] = (1, 4)) -> LinearChain:
    """Any weights at all: not balanced from depth two on."""
    least, most = depths
    depth = least + source.shape % (most - least + 1)
    widths = [source.size(1, 4) for _ in range(depth + 1)]
    weights = tuple(source.entries(n, m) for m, n in zip(widths, widths[1:], strict=False))
    return LinearChain(weights, source.entries(source.size(1, 3), widths[0]))


def linear_network_of(
    source: Source, *, depths: tuple[int, int] = (2, 4), balanced: bool = False
) -> LinearNetwork:
    """Any weights, or balanced ones, in the flow of ½‖F − Y‖²; two equal samples on some shapes, a
    sample learned already on others.
    """
    chain = (balanced_chain if balanced else linear_chain)(source, depths=depths)
    inputs, targets = chain.inputs, source.entries(len(chain.inputs), len(chain.weights[-1]))
    if source.shape % 4 == 3 and len(inputs) > 1:
        inputs[1] = inputs[0]
    outputs = run(chain.weights, inputs)
    if source.shape % 5 == 4:
        targets[0] = outputs[0]
    grads = source.gradient(lambda *w: pairing(outputs - targets, run(w, inputs)), chain.weights)
    return LinearNetwork(chain.weights, inputs, targets, tuple(-grad for grad in grads))


def _product(numbers: Sequence[Operand]) -> Operand:
    out: Operand = 1
    for number in numbers:
        out = out * number
    return out


def decoder(source: Source) -> Decoder:
    """Two layers whose ReLUs are all wide open or shut on the codes (a constant far above the drawn
    numbers decides); any mixtures.
    """
    codes, hidden, rows = source.size(1, 3), source.size(2, 4), source.size(2, 4)
    points, z = source.size(1, 3), source.entries(rows, codes)
    weights = (source.entries(hidden, codes), source.entries(points, hidden))
    offset = source.bits(hidden) * 2 - 1
    biases = (source.entries(hidden) + offset * 2**140, source.entries(points))
    shares = source.positive(source.size(2, 3), rows)
    mixtures = shares * reciprocal(shares.sum(-1)[:, None])
    blank = Decoder(z[:, :1] * 0 + np.zeros(points, dtype=object), z, weights, biases, mixtures)
    return Decoder(blank.decode(z), z, weights, biases, mixtures)
