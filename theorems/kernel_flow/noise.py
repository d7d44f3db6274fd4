"""Minibatch noise of a learned kernel is low-rank: arXiv:2601.00276, at the kernel and at the
features.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from theorems.claim import Hypothesis, Source
from theorems.impl.kernel_flows.minibatches import MinibatchNoise
from theorems.impl.numbers.differentiation import velocity
from theorems.impl.numbers.linalg import project
from theorems.impl.numbers.operands import Operand, is_exact, smaller
from theorems.impl.numbers.rounded import Ball
from theorems.impl.strategies import noise as noise_strategies
from theorems.kernel_flow.kernel_ranks import PAPER
from theorems.stating import equals, rank_is
from theorems.verdict import Outcome


def not_a_linear_readout(noise: MinibatchNoise) -> str | None:
    """Why the features do not reach the outputs linearly, or None if they do."""
    return noise.flaw or None


NOISE_HYPOTHESES = {
    "linear readout": Hypothesis(noise_strategies.nonlinear_readouts, not_a_linear_readout)
}


def _kernel(features: Operand) -> Operand:
    return features @ features.mT


def _moved(noise: MinibatchNoise, change: Operand) -> Operand:
    """How ΦΦᵀ moves when every batch moves the features by −change, (B, N, N): differentiated, not
    by formula.
    """
    return velocity(_kernel, (noise.features + change * 0,), (-change,))


def _kernel_noise(noise: MinibatchNoise) -> dict[str, Operand]:
    return {"noise": _moved(noise, noise.noise), "uncentred": _moved(noise, noise.batch_grad)}


def _kernel_ranks(full: int, batch: int) -> dict[str, int]:
    return {"noise": full, "uncentred": batch}


@rank_is(
    observed=_kernel_noise,
    on=noise_strategies.minibatch_noises,
    source=Source(PAPER, "low-rank SGD noise: O(C) in the paper; the constant 2 derived"),
    hypotheses=NOISE_HYPOTHESES,
    mutants={
        "C instead of 2C": lambda noise: _kernel_ranks(noise.classes, noise.classes),
        "2C − 1": lambda noise: _kernel_ranks(2 * noise.classes - 1, 2 * noise.classes),
        "C − 1": lambda noise: _kernel_ranks(noise.classes - 1, noise.classes - 1),
        "batch size alone": lambda noise: _kernel_ranks(
            2 * noise.classes, min(noise.batch, noise.classes)
        ),
        "centred noise bounded by the batch": lambda noise: _kernel_ranks(
            min(noise.batch, noise.classes), 2 * min(noise.batch, noise.classes)
        ),
        "2C − 1 for three classes": lambda noise: _kernel_ranks(
            2 * noise.classes - (noise.classes == 3), 2 * min(noise.batch, noise.classes)
        ),
        "one less uncentred, where classes bound it": lambda noise: _kernel_ranks(
            2 * noise.classes, 2 * min(noise.batch, noise.classes) - (noise.batch >= noise.classes)
        ),
        "one less uncentred, where the batch bounds it": lambda noise: _kernel_ranks(
            2 * noise.classes, 2 * min(noise.batch, noise.classes) - (noise.batch < noise.classes)
        ),
    },
)
def sgd_kernel_noise_is_low_rank(noise: MinibatchNoise) -> dict[str, int]:
    r"""Whatever the batch, minibatch noise moves the kernel in at most 2C directions, C the number
    of classes.

    .. math:: \xi = -(\tilde G F^\top + F \tilde G^\top), \qquad \operatorname{rank} \xi \le 2C

    with G̃ = G_b − G the noise of the output gradient, F = ΦAᵀ; uncentred, a batch of b samples
    gives rank ≤ 2 min(b, C). For every realisation, width and parameters; any differentiable loss;
    sampling with or without replacement, b = 1 … N. Shapes: ξ (N, N), one per batch. Observed:
    autograd of each batch's loss, forward-mode derivative of ΦΦᵀ along it; ranks of integers
    exactly.

    Hypotheses: the features reach the C outputs through a linear readout (checked). Raises
    InputError for anything that is not a MinibatchNoise. Source: arXiv:2601.00276 [P]: rank O(C);
    constants [D, N].
    """
    return _kernel_ranks(2 * noise.classes, 2 * smaller(noise.batch, noise.classes))


def _output_noise(noise: MinibatchNoise, factor: int = 1) -> Operand:
    """b·N/N (G_b − G) in whole numbers: (N n_i − b) G_i, (B, N, C)."""
    rows = noise.features.shape[-2]
    weights = noise.counts * (rows * factor) - noise.size[..., None, None]
    return weights[..., None] * noise.output_grad


def _distinct(noise: MinibatchNoise) -> Operand:
    """The output noise with 1[n_i > 0] in place of n_i: wrong where a batch holds a sample
    twice.
    """
    counts: Any = noise.counts.center if isinstance(noise.counts, Ball) else noise.counts
    held: Any = (
        (counts > 0).astype(int).astype(object) if is_exact(counts) else (counts > 0).double()
    )
    return (held * noise.features.shape[-2] - noise.size[..., None, None])[
        ..., None
    ] * noise.output_grad


def _formula(noise: MinibatchNoise, gradient: Operand) -> Operand:
    outputs = noise.features @ noise.readout.mT
    moved = gradient @ outputs.mT
    return -(moved + moved.mT)


@equals(
    observed=lambda noise: _moved(noise, noise.noise),
    on=noise_strategies.minibatch_noises,
    source=Source(PAPER, "the kernel's minibatch noise", "derived"),
    hypotheses=NOISE_HYPOTHESES,
    mutants={
        "uncentred": lambda noise: _formula(
            noise, (noise.counts * noise.features.shape[-2])[..., None] * noise.output_grad
        ),
        "one sided": lambda noise: (
            -(_output_noise(noise) @ (noise.features @ noise.readout.mT).mT) * 2
        ),
        "sign": lambda noise: -_formula(noise, _output_noise(noise)),
        "half the batch's weight": lambda noise: _formula(noise, _output_noise(noise, 2)),
        "an indicator in place of the count": lambda noise: _formula(noise, _distinct(noise)),
    },
)
def sgd_kernel_noise_formula(noise: MinibatchNoise) -> Operand:
    r"""The kernel's minibatch noise is the symmetrised product of outputs and output noise: it sees
    width and features through F alone.

    .. math:: b\,\xi = -(\tilde G F^\top + F \tilde G^\top), \qquad \tilde G_i = (N n_i - b)\, G_i

    n_i counts sample i in the batch of b; both sides are times b, which keeps integers integral.
    Shapes: (B, N, N). Observed as `sgd_kernel_noise_is_low_rank`. Hypotheses: its own. Raises
    InputError for anything that is not a MinibatchNoise. Source: derived here from arXiv:2601.00276
    [D, N].
    """
    return _formula(noise, _output_noise(noise))


def _on(basis: Operand, matrices: Operand) -> Operand:
    """Each of B matrices projected on the columns of one basis."""
    if hasattr(matrices, "fresh"):
        return project(basis, matrices)
    parts = [project(basis, matrices[i]) for i in range(matrices.shape[0])]
    if is_exact(matrices):
        return np.stack(parts)
    if isinstance(parts[0], Ball):
        return Ball(torch.stack([p.center for p in parts]), torch.stack([p.error for p in parts]))
    return torch.stack(parts)


def _sides(noise: MinibatchNoise) -> tuple[Operand, Operand]:
    """Pξ and PξP, P the projector on the columns of F."""
    outputs = noise.features @ noise.readout.mT
    once = _on(outputs, _moved(noise, noise.noise))
    return once, _on(outputs, once.mT)


@equals(
    observed=lambda noise: _moved(noise, noise.noise),
    on=noise_strategies.projectable_noises,
    source=Source(PAPER, "the noise vanishes off the outputs", "derived"),
    hypotheses=NOISE_HYPOTHESES,
    mutants={
        "within the outputs": lambda noise: _sides(noise)[1],
        "one side within the outputs": lambda noise: _sides(noise)[0],
        "both sides counted twice": lambda noise: _sides(noise)[0] + _sides(noise)[0].mT,
    },
)
def sgd_kernel_noise_vanishes_off_outputs(noise: MinibatchNoise) -> Operand:
    r"""Between two directions orthogonal to the outputs, minibatch noise does nothing: QξQ = 0.

    .. math:: \xi = P\xi + \xi P - P\xi P, \qquad P = I - Q

    Shapes: P (N, N) projects on the columns of F = ΦAᵀ; ξ (B, N, N) as in
    `sgd_kernel_noise_is_low_rank`. Over the rationals exactly, whatever the rank of F; on floats F
    has full column rank.

    Hypotheses: as `sgd_kernel_noise_is_low_rank`. Raises InputError for anything that is not a
    MinibatchNoise. Source: derived here from arXiv:2601.00276 [D, N].
    """
    once, twice = _sides(noise)
    return once + once.mT - twice


def _stacked(noise: MinibatchNoise) -> Operand:
    """δΦ of all batches under one another, (B·N, P): its Gram matrix is Σ δΦᵀδΦ, so their ranks
    agree, and nothing is ever P × P.
    """
    rows, width = noise.noise, noise.features.shape[-1]
    if isinstance(rows, Ball):
        return Ball(rows.center.reshape(-1, width), rows.error.reshape(-1, width), rows.unit)
    return rows.reshape(-1, width)


def _feature_moments(noise: MinibatchNoise) -> dict[str, Operand]:
    """The noise of all batches, and the gradients of all samples."""
    return {"second moment": _stacked(noise), "per sample": noise.full_grad}


def _feature_ranks(rank: int) -> dict[str, int]:
    return {"second moment": rank, "per sample": rank}


def _bound(noise: MinibatchNoise) -> int:
    return noise.classes - 1 if noise.shift_free else noise.classes


@rank_is(
    observed=_feature_moments,
    on=noise_strategies.minibatch_noises,
    source=Source(PAPER, "low-rank noise at the features", "derived"),
    hypotheses=NOISE_HYPOTHESES,
    mutants={
        "one class fewer": lambda noise: _feature_ranks(_bound(noise) - 1),
        "two classes fewer": lambda noise: _feature_ranks(_bound(noise) - 2),
        "the samples' side": {
            "observe": lambda noise: {"second moment": (noise.noise @ noise.noise.mT).sum(0)},
            "predict": lambda noise: {"second moment": _bound(noise)},
        },
        "of the features themselves": {
            "observe": lambda noise: {"per sample": noise.full_grad - noise.features},
            "predict": lambda noise: {"per sample": _bound(noise)},
        },
    },
)
def sgd_feature_noise_is_low_rank(noise: MinibatchNoise) -> dict[str, int]:
    r"""Averaged over batches, minibatch noise at the features still has rank at most C (softmax: C
    − 1).

    .. math:: \mathbb E[\delta\Phi^\top \delta\Phi] = A^\top\, \mathbb E[\tilde G^\top \tilde G]\,
              A, \qquad \operatorname{rank} \le C

    (the equality is `sgd_feature_noise_stays_in_readout_rows`), and the matrix of per-sample
    gradients at the input of a linear C-dimensional readout has rank ≤ C: for free features and for
    any torch network that ends in one (`impl.kernel_flows.minibatches.readout_noise`), every batch
    and differentiable loss. Shapes: δΦ (N, P). Observed: autograd of each batch's loss, δΦ of all
    batches under one another, whose rank is their second moment's; ranks of integers exactly,
    singular values with proved error bounds.

    Hypotheses: a linear readout (checked). Raises InputError for anything that is not a
    MinibatchNoise. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _feature_ranks(_bound(noise))


def _held(
    noise: MinibatchNoise, projected: Operand, gradient: Operand | None = None
) -> dict[str, Operand]:
    gradient = _output_noise(noise) if gradient is None else gradient
    return {"projected": projected, "through the readout": (gradient @ noise.readout).mT}


@equals(
    observed=lambda noise: dict.fromkeys(("projected", "through the readout"), noise.noise.mT),
    on=noise_strategies.projectable_noises,
    source=Source(PAPER, "the noise stays in the readout's rows", "derived"),
    hypotheses=NOISE_HYPOTHESES,
    mutants={
        "first class alone": lambda noise: _held(noise, _on(noise.readout[:1].mT, noise.noise.mT)),
        "in the features' own rows twice": lambda noise: _held(
            noise, _on(noise.readout.mT, noise.noise.mT) * 2
        ),
        "off the readout's rows": lambda noise: _held(
            noise, noise.noise.mT - _on(noise.readout.mT, noise.noise.mT)
        ),
        "features and decay too": {
            "observe": lambda noise: {"projected": (noise.noise + noise.features).mT},
            "predict": lambda noise: {
                "projected": _on(noise.readout.mT, (noise.noise + noise.features).mT)
            },
        },
        "an indicator in place of the count": lambda noise: _held(
            noise, _on(noise.readout.mT, noise.noise.mT), _distinct(noise)
        ),
        "the batch not centred": lambda noise: _held(
            noise,
            _on(noise.readout.mT, noise.noise.mT),
            (noise.counts * noise.features.shape[-2])[..., None] * noise.output_grad,
        ),
    },
)
def sgd_feature_noise_stays_in_readout_rows(noise: MinibatchNoise) -> dict[str, Operand]:
    r"""Minibatch noise reaches the features through the readout, and moves them within its row
    space only: δΦ = G̃A = δΦ P_A.

    .. math:: \delta\Phi = \tilde G A = \delta\Phi\, P_A, \qquad P_A = A^\dagger A

    so E[δΦᵀδΦ] = Aᵀ E[G̃ᵀG̃] A. Shapes: δΦ (B, N, P), transposed here, times b as in
    `sgd_kernel_noise_formula`, G̃ (B, N, C); P_A projects on row(A), A (C, P). Observed as
    `sgd_feature_noise_is_low_rank`. Hypotheses: its own. Raises InputError for anything that is not
    a MinibatchNoise. Source: derived here from arXiv:2601.00276 [D, N].
    """
    return _held(noise, _on(noise.readout.mT, noise.noise.mT))


def _averaged(noise: MinibatchNoise) -> Operand:
    xi = _moved(noise, noise.noise)
    return (xi @ xi.mT).sum(0)


@rank_is(
    observed=_averaged,
    on=noise_strategies.many_singles,
    source=Source(PAPER, "reading of 'rank O(C)' for the averaged second moment", "derived"),
    mutants={
        "rank C": lambda noise: noise.classes,
        "rank 2C + 1": lambda noise: 2 * noise.classes + 1,
        "rank C²": lambda noise: noise.classes**2,
    },
    expected=Outcome.REFUTED,
)
def averaged_kernel_noise_is_low_rank_as_stated(noise: MinibatchNoise) -> int:
    r"""As stated, and false: averaged over batches, the N×N second moment E[ξξᵀ] of the kernel's
    noise has rank O(C).

    .. math:: \operatorname{rank}\, \mathbb{E}[\xi \xi^\top] \le 2C \quad \text{(false)}

    Every realisation has rank ≤ 2C, but realisations span different directions: over the N batches
    of one sample the average has rank N (20 at N = 20, C = 2). Judged with the constant of the
    single realisation, 2C, at N > 3C + 1. What does stay low-rank on average is the width side:
    `sgd_feature_noise_is_low_rank`.

    Shapes: (N, N). Hypotheses: none, that is what is wrong. Raises InputError for anything that is
    not a MinibatchNoise. Source: a reading of arXiv:2601.00276's abstract; refuted here [D, N].
    """
    return 2 * noise.classes
