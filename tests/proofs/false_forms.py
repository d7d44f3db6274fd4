"""False conjectures about signs, ranks, quotients and resolvents, each true in some corner: of one
row, of commuting matrices, of numbers above one. None may be proved.
"""

from functools import partial, reduce

import torch
from stating import stated

from impl import GatedNetwork, LayerTrace, LinearNetwork, strategies, velocity
from impl.feature_learning.features import FeatureSet
from impl.kernel_flows.decayed import DecayedMatrix
from impl.kernel_flows.flows import KernelPoint
from impl.kernel_flows.minibatches import MinibatchNoise
from impl.kernel_flows.spectral import SpectralTask, scalar
from impl.numbers.inverses import eye_like, inverse
from impl.numbers.linalg import project, squared_norm
from impl.strategies import features, flows, noise, ranks
from impl.strategies.deep_linear import deep_linear_networks

layer = partial(stated, kind=LayerTrace, on=strategies.layer_traces)
net = partial(stated, kind=GatedNetwork, on=strategies.gated_networks)
deep = partial(stated, kind=LinearNetwork, on=deep_linear_networks)
point = partial(stated, kind=KernelPoint, on=flows.kernel_points)
soft = partial(stated, kind=DecayedMatrix, on=ranks.softmax_matrices)
batch = partial(stated, kind=MinibatchNoise, on=noise.minibatch_noises)
task = partial(stated, kind=SpectralTask, on=flows.path_tasks)
found = partial(stated, kind=FeatureSet, on=features.feature_sets)


def zero(it):
    return it.inputs.sum(-1).sum(-1) * 0


def none(it):
    return it.ridge * 0


def gram(matrix):
    return matrix.mT @ matrix


def resolvent(it, matrix):
    kernel = matrix @ matrix.mT
    return inverse(kernel + eye_like(kernel) * scalar(it.ridge))


def loss(it, along):
    def half(*weights):
        out = reduce(lambda x, w: x @ w.mT, weights, it.inputs)
        return along(out, it.targets).sum(-1).sum(-1)

    return velocity(half, it.weights, it.weight_velocity)


def say(how, name, statement, sign, observed, predicted):
    return how(
        name=name, statement=statement, sign=sign, observed=observed, predicted=predicted
    )  # fmt: skip


CLAIMS = [
    say(layer, "entries_of_products", "1ᵀAB1 ≥ 0 for A, B ⪰ 0: true where they commute", ">=",
        lambda v: (gram(v.inputs) @ gram(v.weight)).sum(-1).sum(-1), zero),
    say(layer, "three_positive_factors", "tr ABC ≥ 0: true of two factors", ">=",
        lambda v: (gram(v.inputs) @ gram(v.weight) @ gram(v.input_grad)).trace(), zero),
    say(layer, "a_trace_of_a_square", "tr M² ≥ 0: true of symmetric M", ">=",
        lambda v: (v.input_grad.mT @ v.inputs @ v.input_grad.mT @ v.inputs).trace(), zero),
    say(layer, "cubes", "Σ x³ ≥ 0", ">=", lambda v: (v.inputs.sum(0) ** 3).sum(), zero),
    say(layer, "squares_times_anything", "Σ x²y ≥ 0: true for y ≥ 0", ">=",
        lambda v: (v.inputs.sum(0) ** 2 * v.input_grad.sum(0)).sum(), zero),
    say(layer, "cauchy_schwarz_twice", "‖x‖²‖y‖² ≥ 2⟨x, y⟩²: true of orthogonal ones", ">=",
        lambda v: squared_norm(v.inputs) * squared_norm(v.input_grad)
        - (v.inputs * v.input_grad).sum() ** 2 * 2, zero),
    say(layer, "squares_outgrow_sums", "Σ x² ≥ (Σ x)²: true of one entry", ">=",
        lambda v: squared_norm(v.inputs) - v.inputs.sum() ** 2, zero),
    say(layer, "squares_are_above_zero", "‖X‖² > 0: true of X ≠ 0", ">",
        lambda v: squared_norm(v.inputs), zero),
    say(layer, "more_than_one_row", "‖X‖² + N − 1 > 0: true of two rows", ">",
        lambda v: squared_norm(v.inputs) + v.inputs.shape[0] - 1, zero),
    say(layer, "more_rows_than_columns", "N ≥ d", ">=",
        lambda v: zero(v) + v.inputs.shape[0] - v.inputs.shape[1], zero),
    say(layer, "sizes_between_roots", "(N − 1)(N − 3) ≥ 0: not of two rows", ">=",
        lambda v: zero(v) + v.inputs.shape[0] ** 2 - v.inputs.shape[0] * 4 + 3, zero),
    say(layer, "quotients_of_any_sign", "Σ x²/y ≥ 0: true for y > 0", ">=",
        lambda v: (v.inputs**2 / v.input_grad).sum(), zero),
    say(layer, "denominators_around_one", "Σ x²/(y² − 1) ≥ 0: true for y² > 1", ">=",
        lambda v: (v.inputs**2 / (v.input_grad**2 - 1)).sum(), zero),
    say(layer, "a_sum_of_quotients", "Σ x/y = Σ x/Σ y: true of one entry", "=",
        lambda v: (v.inputs / v.input_grad).sum(), lambda v: v.inputs.sum() / v.input_grad.sum()),
    say(layer, "variances_are_means", "the unbiased variance is the mean of squares", "=",
        lambda v: v.weight.var(0), lambda v: ((v.weight - v.weight.mean(0)) ** 2).mean(0)),
    say(layer, "functions_pass_sums", "Σ tanh x = tanh Σ x: true of one row", "=",
        lambda v: torch.tanh(v.weight).sum(0), lambda v: torch.tanh(v.weight.sum(0))),
    say(layer, "signs_are_not_zero", "sign² = 1: true of x ≠ 0", "=",
        lambda v: torch.sign(v.weight) ** 2, lambda v: v.weight * 0 + 1),
    say(layer, "sines_are_positive", "sin x ≥ 0", ">=",
        lambda v: torch.sin(v.weight), lambda v: v.weight * 0),
    say(net, "open_gates", "some gate is open", ">",
        lambda n: n.masks[0].sum(-1).sum(-1), lambda n: n.residual.sum(-1) * 0),
    say(net, "one_open_gate", "Σ g_i ≥ Σ_i g_i² for numbers g_i of gates: true of one each", ">=",
        lambda n: n.masks[0].sum(-1).sum(-1) - (n.masks[0].sum(-1) ** 2).sum(-1),
        lambda n: n.residual.sum(-1) * 0),
    say(net, "gates_square_by_rows", "(Σ g)² ≤ Σ_i (Σ_j g_ij)²: true of one row", "<=",
        lambda n: n.masks[0].sum(-1).sum(-1) ** 2, lambda n: (n.masks[0].sum(-1) ** 2).sum(-1)),
    say(layer, "one_sample_less", "rank ∇W ≤ N − 1", "rank",
        lambda v: v.weight_grad, lambda v: v.inputs.shape[0] - 1),
    say(layer, "weights_have_it_too", "rank(W + ∇W) ≤ N: true of rank ∇W", "rank",
        lambda v: v.weight_grad + v.weight, lambda v: v.inputs.shape[0]),
    say(layer, "centred_along_the_other_axis", "rank ≤ N − 1: true where rows add up to zero",
        "rank", lambda v: v.inputs - v.inputs.mean(1, keepdim=True),
        lambda v: v.inputs.shape[0] - 1),
    say(layer, "two_dyads_are_one", "rank(aaᵀ + bbᵀ) ≤ 1", "rank",
        lambda v: v.inputs.sum(0)[:, None] * v.input_grad.sum(0)[None, :]
        + v.inputs[0][:, None] * v.input_grad[0][None], lambda v: 1),
    say(layer, "entrywise_products", "rank X∘Y ≤ 2", "rank",
        lambda v: v.inputs * v.input_grad, lambda v: 2),
    say(layer, "identities_are_dyads", "rank I ≤ 1", "rank",
        lambda v: eye_like(gram(v.weight)), lambda v: 1),
    say(layer, "ones_are_nothing", "rank 11ᵀ ≤ 0", "rank",
        lambda v: v.weight * 0 + 1, lambda v: 0),
    say(layer, "differences_of_sizes", "rank ∇W ≤ N − n", "rank",
        lambda v: v.weight_grad, lambda v: v.inputs.shape[0] - v.weight.shape[0]),
    say(soft, "one_less_of_both", "rank(GᵀG + AAᵀ) ≤ C − 1: true of GᵀG", "rank",
        lambda p: gram(p.output_grad) + p.maps[0] @ p.maps[0].mT,
        lambda p: p.output_grad.shape[-1] - 1),
    say(soft, "squares_of_gradients_sum_to_zero", "rank G∘G A ≤ C − 1: true of G A", "rank",
        lambda p: (p.output_grad * p.output_grad) @ p.maps[0],
        lambda p: p.output_grad.shape[-1] - 1),
    say(soft, "one_row_is_nothing", "rank of one row of G ≤ 0", "rank",
        lambda p: p.output_grad[:1], lambda p: 0),
    say(deep, "weights_are_balanced", "W₂ᵀW₂ = W₁W₁ᵀ", "=",
        lambda n: gram(n.weights[1]), lambda n: n.weights[0] @ n.weights[0].mT),
    say(deep, "outputs_turn_to_targets", "⟨F, Y⟩ grows: true at rest", ">=",
        lambda n: loss(n, lambda out, y: out * y), zero),
    say(point, "ridges_above_one", "λ² ≥ λ: true for λ ≥ 1", ">=",
        lambda p: p.ridge * p.ridge, lambda p: p.ridge),
    say(point, "ridges_above_decays", "λ ≥ μ", ">=", lambda p: p.ridge - p.decay, none),
    say(point, "rows_of_inverses", "R1 ≥ 0: true without features", ">=",
        lambda p: resolvent(p, p.features).sum(-1), lambda p: p.features.sum(-1) * 0),
    say(point, "inverses_below_one", "tr YᵀRY ≤ ‖Y‖²: true for λ ≥ 1", "<=",
        lambda p: (p.targets.mT @ resolvent(p, p.features) @ p.targets).trace(),
        lambda p: squared_norm(p.targets)),
    say(point, "inverses_commute", "R₁R₂ = R₂R₁: true of kernels that commute", "=",
        lambda p: resolvent(p, p.features) @ resolvent(p, p.other),
        lambda p: resolvent(p, p.other) @ resolvent(p, p.features)),
    say(point, "as_many_features_as_samples", "Φᵀ(ΦΦᵀ)⁻¹Φ = I: true of square Φ", "=",
        lambda p: p.features.mT @ inverse(p.features @ p.features.mT) @ p.features,
        lambda p: eye_like(gram(p.features))),
    say(point, "inverses_add_up", "(A + B)⁻¹ = A⁻¹ + B⁻¹", "=",
        lambda p: inverse(p.features @ p.features.mT + p.other @ p.other.mT),
        lambda p: inverse(p.features @ p.features.mT) + inverse(p.other @ p.other.mT)),
    say(point, "inverses_are_symmetric", "(ΦΨᵀ)⁻¹ = (ΨΦᵀ)⁻¹: true of Ψ = Φ", "=",
        lambda p: inverse(p.features @ p.other.mT), lambda p: inverse(p.other @ p.features.mT)),
    say(found, "projections_explain_all", "P Y = Y: true of explained targets", "=",
        lambda f: project(f.features, f.targets), lambda f: f.targets),
    say(found, "projections_lengthen", "‖PY‖² ≥ ‖Y‖²: true of explained targets", ">=",
        lambda f: squared_norm(project(f.features, f.targets)) - squared_norm(f.targets),
        lambda f: f.targets.sum() * 0),
    say(found, "projections_keep_signs", "Y∘PY ≥ 0: true of the sum over entries", ">=",
        lambda f: f.targets * project(f.features, f.targets), lambda f: f.targets * 0),
    say(found, "mixed_before_any_map", "P of H A B is that of H B: true for B = I", "=",
        lambda f: project(f.features @ f.mixing @ f.linear_map, f.targets),
        lambda f: project(f.features @ f.linear_map, f.targets)),
    say(task, "bases_are_symmetric", "U = Uᵀ", "=", lambda t: t.left, lambda t: t.left.mT),
    say(task, "bases_are_permutations", "U∘U = U: true of permutations", "=",
        lambda t: t.left * t.left, lambda t: t.left),
    say(task, "sums_of_columns_are_signs", "(Σ_i U_ij)² = 1: true of the sum over j, N", "=",
        lambda t: t.left.sum(0) ** 2, lambda t: t.values * 0 + 1),
    say(task, "every_right_vector_is_unit", "‖v_i‖ = 1: true where s_i > 0", "=",
        lambda t: (t.right * t.right).sum(0), lambda t: t.values * 0 + 1),
    say(batch, "every_sample_once", "Σ_b n_i = 1: true of one epoch", "=",
        lambda n: n.counts.sum(-2), lambda n: n.counts.sum(-2) * 0 + 1),
    say(batch, "batches_add_up", "Σ_b ∇_b = B ∇: true of whole epochs", "=",
        lambda n: n.batch_grad.sum(0), lambda n: n.full_grad * n.counts.shape[0]),
    say(batch, "every_sample_is_in_every_batch", "n_i > 0", ">",
        lambda n: n.counts, lambda n: n.counts * 0),
]  # fmt: skip
for _claim in CLAIMS:
    globals()[_claim.name] = _claim
del _claim
