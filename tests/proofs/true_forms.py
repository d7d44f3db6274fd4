"""True conjectures of the kinds that `false_forms` and `false_sizes` are made of: none may be
refuted, and most are proved.
"""

from functools import partial

import torch
from false_forms import batch, deep, gram, layer, loss, net, none, point, resolvent, say, task, zero
from stating import stated

from impl import LayerTrace, gradient, strategies
from impl.feature_learning.features import FeatureSet
from impl.kernel_flows.decayed import DecayedMatrix
from impl.numbers.inverses import eye_like, inverse
from impl.numbers.linalg import project, squared_norm
from impl.strategies import features, ranks

MET = {"mixing invertible": lambda f: None}
found = partial(stated, kind=FeatureSet, on=features.feature_sets, hypotheses=MET)
narrow = partial(stated, kind=LayerTrace, on=strategies.layer_traces)
one_row = {"one row": lambda v: v.weight.shape[0] == 1}
soft = partial(
    stated, kind=DecayedMatrix, on=ranks.softmax_matrices,
    hypotheses={
        name: lambda p: None
        for name in ("softmax cross-entropy", "linear up to the outputs", "positive decay")
    },
)  # fmt: skip


PROVED = [
    say(layer, "two_positive_factors", "tr AB ≥ 0 for A, B ⪰ 0", ">=",
        lambda v: (gram(v.inputs) @ gram(v.weight)).trace(), zero),
    say(layer, "squares_and_one", "‖X‖² + 1 > 0", ">", lambda v: squared_norm(v.inputs) + 1, zero),
    say(layer, "quotients_of_squares", "Σ x²/y² ≥ 0", ">=",
        lambda v: (v.inputs**2 / v.input_grad**2).sum(), zero),
    say(layer, "denominators_that_are_squares", "Σ x²/(y − 1)² ≥ 0", ">=",
        lambda v: (v.inputs**2 / (v.input_grad**2 - v.input_grad * 2 + 1)).sum(), zero),
    say(layer, "traces_turn_round", "tr WWᵀ = tr WᵀW", "=",
        lambda v: (v.weight @ v.weight.mT).trace(), lambda v: gram(v.weight).trace()),
    say(layer, "contractions_by_name", "W_ij Γ_ik = Δ_nj H_nk", "=",
        lambda v: torch.einsum("ij,ik->jk", v.weight, v.weight_grad),
        lambda v: torch.einsum("ni,nj->ij", v.input_grad, v.inputs)),
    say(layer, "diagonals_by_name", "diag WᵀW = Σ_i W_ij²", "=",
        lambda v: torch.einsum("ii->i", gram(v.weight)), lambda v: (v.weight**2).sum(0)),
    say(layer, "centred_columns", "Σ_i (W − mean) = 0", "=",
        lambda v: (v.weight - v.weight.mean(0)).sum(0), lambda v: v.weight.sum(0) * 0),
    say(layer, "variances", "the biased variance is the mean square less the squared mean", "=",
        lambda v: v.weight.var(dim=0, correction=0),
        lambda v: (v.weight**2).mean(0) - v.weight.mean(0) ** 2),
    say(layer, "quotients_that_cancel", "xy/y = x", "=",
        lambda v: v.inputs * v.weight.sum(0) / v.weight.sum(0), lambda v: v.inputs),
    say(layer, "gradients_of_squares", "∇‖HWᵀ‖² = 2WHᵀH", "=",
        lambda v: gradient(lambda w: ((v.inputs @ w.T) ** 2).sum(), v.weight),
        lambda v: v.weight @ v.inputs.T @ v.inputs * 2),
    say(layer, "no_size_is_below_one", "max(n, 1) = n", "=",
        lambda v: v.weight_grad * max(v.weight.shape[0], 1),
        lambda v: v.weight_grad * v.weight.shape[0]),
    say(layer, "as_many_as_samples", "rank ∇W ≤ N", "rank",
        lambda v: v.weight_grad, lambda v: v.inputs.shape[0]),
    say(layer, "centring_costs_one", "rank(X − mean) ≤ N − 1", "rank",
        lambda v: v.inputs - v.inputs.mean(0), lambda v: v.inputs.shape[0] - 1),
    say(layer, "two_dyads", "rank(aaᵀ + bbᵀ) ≤ 2", "rank",
        lambda v: v.inputs.sum(0)[:, None] + v.input_grad.sum(0)[None, :], lambda v: 2),
    say(net, "gates_that_meet_their_complement", "g(1 − g) = 0", "=",
        lambda n: n.masks[0] * (1 - n.masks[0]), lambda n: n.masks[0] * 0),
    say(deep, "layers_gain_alike", "⟨W₁, Ẇ₁⟩ = ⟨W_L, Ẇ_L⟩", "=",
        lambda n: (n.weights[0] * n.weight_velocity[0]).sum(),
        lambda n: (n.weights[-1] * n.weight_velocity[-1]).sum()),
    say(point, "forms_of_inverses", "tr YᵀRY ≥ 0", ">=",
        lambda p: (p.targets.mT @ resolvent(p, p.features) @ p.targets).trace(), none),
    say(point, "resolvents_differ_by_kernels", "R₁ − R₂ = R₁(K₂ − K₁)R₂", "=",
        lambda p: resolvent(p, p.features) - resolvent(p, p.other),
        lambda p: resolvent(p, p.features)
        @ (p.other @ p.other.mT - p.features @ p.features.mT) @ resolvent(p, p.other)),
    say(point, "inverses_undo", "K⁻¹K = I", "=",
        lambda p: inverse(p.features @ p.features.mT) @ (p.features @ p.features.mT),
        lambda p: eye_like(p.features @ p.features.mT)),
    say(found, "mixed_features_span_alike", "P of H A is that of H for invertible A", "=",
        lambda f: project(f.features @ f.mixing, f.targets),
        lambda f: project(f.features, f.targets)),
    say(found, "projections_twice", "PP = P", "=",
        lambda f: project(f.features, project(f.features, f.targets)),
        lambda f: project(f.features, f.targets)),
    say(found, "projections_do_not_turn_away", "⟨Y, PY⟩ ≥ 0", ">=",
        lambda f: (f.targets * project(f.features, f.targets)).sum(),
        lambda f: f.targets.sum() * 0),
    say(soft, "one_class_less", "rank GᵀG ≤ C − 1", "rank",
        lambda p: gram(p.output_grad), lambda p: p.output_grad.shape[-1] - 1),
    say(batch, "counts_are_not_negative", "n_i ≥ 0", ">=",
        lambda n: n.counts, lambda n: n.counts * 0),
]  # fmt: skip

OPEN = [
    say(layer, "cauchy_schwarz", "‖x‖²‖y‖² ≥ ⟨x, y⟩²: a difference of squares by pairs", ">=",
        lambda v: squared_norm(v.inputs) * squared_norm(v.input_grad)
        - (v.inputs * v.input_grad).sum() ** 2, zero),
    say(layer, "sizes_are_at_least_one", "N − 1 ≥ 0", ">=",
        lambda v: zero(v) + v.inputs.shape[0] - 1, zero),
    say(layer, "odd_functions", "tanh(−x) = −tanh x: values of functions", "=",
        lambda v: torch.tanh(-v.weight), lambda v: -torch.tanh(v.weight)),
    say(layer, "exponentials_multiply", "exp x · exp(−x) = 1: values of functions", "=",
        lambda v: torch.exp(v.weight) * torch.exp(-v.weight), lambda v: v.weight * 0 + 1),
    say(layer, "exponentials_are_positive", "exp x ≥ 0: values of functions", ">=",
        lambda v: torch.exp(v.weight), lambda v: v.weight * 0),
    say(layer, "parallel_quotients", "1/(1/x + 1/y) = xy/(x + y): two denominators", "=",
        lambda v: 1 / (1 / v.inputs + 1 / v.input_grad),
        lambda v: v.inputs * v.input_grad / (v.inputs + v.input_grad)),
    say(point, "transposed_inverses", "(ΦΨᵀ)⁻¹ᵀ = (ΨΦᵀ)⁻¹: two names of one", "=",
        lambda p: inverse(p.features @ p.other.mT).mT,
        lambda p: inverse(p.other @ p.features.mT)),
    say(deep, "losses_fall", "the loss does not grow: squares over several kinds of indices", "<=",
        lambda n: loss(n, lambda out, y: (out - y) * (out - y)), zero),
    say(task, "right_vectors_of_active_modes", "s‖v‖² = s: the rule says s²‖v‖² = s²", "=",
        lambda t: (t.right * t.right).sum(0) * t.values, lambda t: t.values),
    say(partial(narrow, where=one_row), "one_row_is_all_of_them", "Σ_i W_ij = W_0j of one row", "=",
        lambda v: v.weight.sum(0), lambda v: v.weight[0]),
    say(partial(narrow, hypotheses={"one row": lambda v: None if len(v.weight) == 1 else "more"}),
        "one_row_by_hypothesis", "Σ_i W_ij = W_0j of one row", "=",
        lambda v: v.weight.sum(0), lambda v: v.weight[0]),
]  # fmt: skip
for _claim in (*PROVED, *OPEN):
    globals()[_claim.name] = _claim
del _claim
