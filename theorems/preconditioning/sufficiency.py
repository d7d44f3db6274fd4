"""What training sees of the data is one Gram matrix: arXiv:2509.25637.

Any network whose first layer is fully connected, Z = X Wᵀ, under W ← W − η ∇_W L · P. With a bias,
X stands for [X, 1].
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from theorems.claim import Hypothesis, Source
from theorems.impl.numbers.operands import Operand, is_exact
from theorems.impl.numbers.rounded import Ball
from theorems.impl.preconditioning.first_layer import PreconditionedSteps
from theorems.impl.preconditioning.step_errors import stepped
from theorems.impl.preconditioning.twins import TwinRuns
from theorems.impl.strategies import preconditioning as strategies
from theorems.preconditioning.training_steps import reports_drift, rounds_nowhere
from theorems.stating import equals

_PAPER = "2509.25637"
Parts = dict[str, Operand]


def seen_elsewhere(steps: PreconditionedSteps) -> str | None:
    """Why training sees the inputs other than through the first layer, or None."""
    return steps.obstacle


def not_linear(steps: PreconditionedSteps) -> str | None:
    """Why the module's output is not X Wᵀ, or None if it is."""
    if is_exact(steps.before):
        same = bool((steps.before == steps.inputs @ steps.weight.mT).all())
        return None if same else "the layer's output differs from X Wᵀ: it is not linear"
    model = Ball(steps.inputs, unit=steps.unit) @ Ball(steps.weight, unit=steps.unit).mT
    gap = (steps.before.double() - model.center).abs()
    if bool((gap <= model.error + steps.unit * model.magnitude).all()):
        return None
    return f"the layer's output differs from X Wᵀ by up to {float(gap.max()):.3g}: it is not linear"


def not_one_preconditioner(steps: PreconditionedSteps) -> str | None:
    """Why the first layer did not move by (1 − ηλ)W − η ∇_W P with the recorded P, or None if it
    did.
    """
    if is_exact(steps.weight):
        eta, decay = steps.rate[..., None, None], steps.decay[..., None, None]
        step = (
            steps.weight * (1 - eta * decay)
            - (steps.seen_grad.mT @ steps.inputs) @ steps.preconditioner * eta
        )
        same = bool((steps.weight_after == step).all())
        return (
            None
            if same
            else "the first layer did not move by one preconditioner on its input index"
        )
    model = stepped(steps)
    gap = (steps.weight_after.double() - model.center).abs()
    if bool((gap <= model.error + steps.unit * model.magnitude).all()):
        return None
    return (
        "the first layer's step differs from one preconditioner on the input index, shared by all "
        f"neurons, with decoupled decay, by up to {float(gap.max()):.3g}"
    )


STEP_HYPOTHESES = {
    "only the first layer reads the inputs": Hypothesis(
        strategies.networks_out_of_reach, seen_elsewhere
    ),
    "linear first layer": Hypothesis(strategies.nonlinear_first_layers, not_linear),
    "one preconditioner on the input index": Hypothesis(
        strategies.other_optimisers, not_one_preconditioner
    ),
}
"""What the pathwise claims need; each is read off the recorded steps."""


def _gram(left: Operand, matrix: Operand, right: Operand) -> Operand:
    return left @ matrix @ right.mT


def _next(steps: PreconditionedSteps, gram: Operand, *, decay: bool = True) -> Operand:
    """(1 − ηλ) Z − η G ∇_Z."""
    eta = steps.rate[..., None, None]
    kept = steps.before * (1 - eta * steps.decay[..., None, None]) if decay else steps.before
    return kept - (gram @ steps.output_grad) * eta


def _next_test(steps: PreconditionedSteps, kernel: Operand, *, decay: bool = True) -> Operand:
    """(1 − ηλ) z − η c ∇_Z, with c (M, N) between test and training rows."""
    eta = steps.rate[..., None, None]
    kept = (
        steps.test_before * (1 - eta * steps.decay[..., None, None]) if decay else steps.test_before
    )
    return kept - (kernel @ steps.output_grad) * eta


def _root(matrix: Operand) -> Operand:
    """P^½, for the mutants only, so without an error bound."""
    center = matrix.center if isinstance(matrix, Ball) else torch.as_tensor(matrix)
    values, vectors = torch.linalg.eigh(center.double())
    root = (vectors * values.clamp(min=0).sqrt()[..., None, :]) @ vectors.mT
    return Ball(root) if isinstance(matrix, Ball) else root


def _full(steps: PreconditionedSteps) -> Operand:
    return _gram(steps.inputs, steps.preconditioner, steps.inputs)


def _without_last(steps: PreconditionedSteps, rows: Operand) -> Operand:
    """The Gram of all columns but the last one, which is the bias where there is one."""
    return _gram(rows[..., :-1], steps.preconditioner[..., :-1, :-1], steps.inputs[..., :-1])


def _run(steps: PreconditionedSteps, after: Operand, *, late: int = 0) -> Parts:
    """What each step makes of Z and, where no number rounds, where a run of its own that never saw
    X arrives.
    """
    parts = {"each step": after}
    if rounds_nowhere(steps):
        blind, count = steps.gram_only, steps.gram_only.shape[0]
        parts[_BLIND] = blind[[max(t - late, 0) for t in range(count)]] if late else blind
    return parts


_BLIND = "a run that never saw X"


def _observed_run(steps: PreconditionedSteps) -> Parts:
    return dict.fromkeys(_run(steps, steps.after), steps.after)


@reports_drift
@equals(
    observed=_observed_run,
    on=strategies.training_steps,
    source=Source(
        _PAPER,
        "training sees the data through the preconditioned Gram matrix; pathwise form derived",
    ),
    hypotheses=STEP_HYPOTHESES,
    mutants={
        "Gram of the inputs alone, P dropped": lambda s: _run(s, _next(s, s.inputs @ s.inputs.mT)),
        "square root of P": lambda s: _run(
            s, _next(s, _gram(s.inputs, _root(s.preconditioner), s.inputs))
        ),
        "P twice": lambda s: _run(
            s, _next(s, _gram(s.inputs, s.preconditioner @ s.preconditioner, s.inputs))
        ),
        "bias (or last input) left out of the Gram": lambda s: _run(
            s, _next(s, _without_last(s, s.inputs))
        ),
        "decay left out": lambda s: _run(s, _next(s, _full(s), decay=False)),
        "gradient of the sum over samples": lambda s: _run(
            s, _next(s, _full(s) * s.inputs.shape[-2])
        ),
        "sign of ascent": lambda s: _run(s, _next(s, -_full(s))),
        "the run is one step late": lambda s: _run(s, _next(s, _full(s)), late=1),
        "Gram of the last step": lambda s: _run(
            s, _next(s, _gram(s.inputs, s.preconditioner[-1:], s.inputs))
        ),
    },
)
def gram_sufficiency_in_training(steps: PreconditionedSteps) -> Parts:
    r"""Training sees the inputs through the preconditioned Gram matrix alone.

    Each step of the first layer's outputs is a function of the outputs, the other parameters, the
    targets and G_P:

    .. math:: Z \leftarrow (1 - \eta\lambda) Z - \eta\, G_P \nabla_Z L, \qquad G_P = X P X^\top

    Shapes: X (T, N, d), P (T, d, d), G_P (T, N, N), Z and ∇_Z (T, N, k); T counts steps; P may
    change with them. With a bias the column of ones belongs to X, and P is (d+1, d+1). P is
    symmetric: `impl.PreconditionedSGD` refuses another, for which a step would show X Pᵀ Xᵀ. Hence
    (Z, other parameters) at step t is a function of their start, the targets and G_P of the steps
    before, by induction. Observed: real training on X by autograd and an optimiser. Predicted: ∇_Z
    is that of a network that was fed noise for its inputs; and the whole path is that of a run of
    its own that never saw X, which is judged where no number rounds (whole numbers below 2^50: ==).
    Elsewhere the network may amplify rounding by an unknown factor: the context of the verdict says
    how far that run drifts from the real one, and each step is judged.

    Hypotheses, all checked: the first layer is fully connected and the only reader of the inputs,
    nothing before it is trained, its weights are used once; it is linear; it moves by one P on the
    input index, shared by all neurons, with decoupled decay. Adam, AdaHessian and the like have one
    P per neuron and fail that, as does P on the output index.

    Raises InputError for anything that is not a PreconditionedSteps. Source: arXiv:2509.25637 [P]
    as zero mutual information; the pathwise form is derived here [D, N].
    """
    return _run(steps, _next(steps, _full(steps)))


@equals(
    observed=lambda steps: steps.test_after,
    on=strategies.training_steps,
    source=Source(
        _PAPER,
        "inference sees a test input through its preconditioned kernel; pathwise form derived",
    ),
    hypotheses=STEP_HYPOTHESES,
    mutants={
        "kernel of the inputs alone, P dropped": lambda s: _next_test(
            s, s.test_inputs @ s.inputs.mT
        ),
        "square root of P": lambda s: _next_test(
            s, _gram(s.test_inputs, _root(s.preconditioner), s.inputs)
        ),
        "P twice": lambda s: _next_test(
            s, _gram(s.test_inputs, s.preconditioner @ s.preconditioner, s.inputs)
        ),
        "bias (or last input) left out of the kernel": lambda s: _next_test(
            s, _without_last(s, s.test_inputs)
        ),
        "decay left out": lambda s: _next_test(
            s, _gram(s.test_inputs, s.preconditioner, s.inputs), decay=False
        ),
        "test outputs do not move": lambda s: s.test_before,
    },
)
def gram_sufficiency_at_inference(steps: PreconditionedSteps) -> Operand:
    r"""What the trained first layer makes of a test input x depends on it through its kernel with
    the training inputs alone.

    .. math:: z(x) \leftarrow (1 - \eta\lambda) z(x) - \eta\, c_P(x)^\top \nabla_Z L, \qquad
              c_P(x) = X P x

    Shapes: x (T, M, d), c_P (T, N, M), z (T, M, k), ∇_Z (T, N, k). Observed: the layer, before and
    after real steps.

    Hypotheses: those of `gram_sufficiency_in_training`. Raises InputError for anything that is not
    a PreconditionedSteps. Source: arXiv:2509.25637 [P]; the pathwise form is derived here [D, N].
    """
    return _next_test(steps, _gram(steps.test_inputs, steps.preconditioner, steps.inputs))


def _unequal(left: Operand, right: Operand, what: str) -> str | None:
    if tuple(left.shape) == tuple(right.shape) and bool((left == right).all()):
        return None
    return f"the two data sets have different {what}"


def _unequal_grams(twins: TwinRuns) -> str | None:
    return _unequal(
        _gram(twins.inputs, twins.preconditioner, twins.inputs),
        _gram(twins.twin_inputs, twins.twin_preconditioner, twins.twin_inputs),
        "preconditioned Gram matrices",
    )


def _unequal_starts(twins: TwinRuns) -> str | None:
    return _unequal(
        twins.inputs[0] @ twins.start.mT, twins.twin_inputs[0] @ twins.twin_start.mT, "Z(0)"
    )


def _twin_path(twins: TwinRuns) -> Mapping[str, Operand]:
    return {"first layer": twins.twin_outputs, "other parameters": twins.twin_others}


def _late(path: Operand) -> Operand:
    return path[[0, *range(path.shape[0] - 1)]]


@equals(
    observed=_twin_path,
    on=strategies.twin_runs,
    source=Source(_PAPER, "data enter through the preconditioned Gram matrix alone", "derived"),
    hypotheses={
        "equal Gram matrices": Hypothesis(strategies.twins_with_other_grams, _unequal_grams),
        "equal outputs at the start": Hypothesis(
            strategies.twins_with_other_starts, _unequal_starts
        ),
    },
    mutants={
        "equal X Xᵀ is enough, whatever P": lambda t: {
            "first layer": t.inner_outputs,
            "other parameters": t.inner_others,
        },
        "equal weights at the start instead of equal Z(0)": lambda t: {
            "first layer": t.restarted_outputs,
            "other parameters": t.restarted_others,
        },
        "one step late": lambda t: {
            "first layer": _late(t.outputs),
            "other parameters": _late(t.others),
        },
        "nothing is learned": lambda t: {
            "first layer": t.outputs[:1] + t.outputs * 0,
            "other parameters": t.others[:1] + t.others * 0,
        },
    },
)
def same_gram_same_training(twins: TwinRuns) -> Mapping[str, Operand]:
    r"""Two data sets with equal preconditioned Gram matrices and equal outputs at the start train
    identically.

    .. math:: X' P' X'^\top = X P X^\top,\ Z'(0) = Z(0) \implies Z'(t) = Z(t),
              \ \theta'(t) = \theta(t) \text{ for all } t

    whatever the inputs are: other coordinates, another dimension, columns that P' does not see.
    Shapes: X (T, N, d), X' (T, N, d'), Z (T+1, N, k), θ, the other parameters, (T+1, m). Observed:
    both trainings, by autograd. The numbers are integers and no step rounds, so equality is ``==``.

    Hypotheses, both checked with ``==``: equal Gram matrices at every step, equal Z(0).

    Raises InputError for anything that is not a TwinRuns. Source: derived here from
    arXiv:2509.25637 [D].
    """
    return {"first layer": twins.outputs, "other parameters": twins.others}
