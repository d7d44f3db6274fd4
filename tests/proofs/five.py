"""Conjectures of a theorist who has read nothing about proofs: three are true, two are not."""

from impl import GatedNetwork, LayerTrace, LinearNetwork, Operand, fields, strategies
from impl.strategies.deep_linear import deep_linear_networks
from theorems import at_most, equals


def how_the_imbalance_moves(net: LinearNetwork) -> dict[str, Operand]:
    found = {}
    for layer in range(net.depth - 1):
        below, above = net.weights[layer], net.weights[layer + 1]
        down, up = net.weight_velocity[layer], net.weight_velocity[layer + 1]
        moved = up.mT @ above + above.mT @ up - down @ below.mT - below @ down.mT
        found[f"layers {layer + 1} and {layer + 2}"] = moved
    return found


@equals(observed=how_the_imbalance_moves, on=deep_linear_networks)
def layers_stay_balanced(net: LinearNetwork) -> dict[str, Operand]:
    """Gradient flow keeps WᵀW of the layer above minus WWᵀ of the layer below."""
    pairs = range(1, net.depth)
    return {f"layers {i} and {i + 1}": net.weights[i].mT @ net.weights[i] * 0 for i in pairs}


def weights_times_gradients(net: GatedNetwork) -> dict[str, Operand]:
    products = [
        -(w * v).sum(-1).sum(-1) for w, v in zip(net.weights, net.weight_velocity, strict=True)
    ]
    return {f"layer {i}": product for i, product in enumerate(products, 1)}


@equals(observed=weights_times_gradients, on=strategies.gated_networks)
def every_layer_gains_alike(net: GatedNetwork) -> dict[str, Operand]:
    """⟨W_l, ∇_l L⟩ is the same in all layers of a ReLU network without biases: Σ r f."""
    total = (net.residual * fields(net).outputs).sum(-1)
    return {f"layer {i}": total for i in range(1, net.depth + 1)}


def minus_the_form_of_the_kernel(net: GatedNetwork) -> Operand:
    seen, total = fields(net), net.residual.sum(-1) * 0
    for layer in range(1, net.depth + 1):
        forward = seen.z[layer - 1] @ seen.z[layer - 1].mT
        backward = seen.delta[layer] @ seen.delta[layer].mT
        kernel = forward * backward
        total = total - (net.residual * (kernel @ net.residual[..., None])[..., 0]).sum(-1)
    return total


@at_most(observed=minus_the_form_of_the_kernel, on=strategies.gated_networks)
def the_tangent_kernel_is_positive(net: GatedNetwork) -> Operand:
    """−rᵀKr ≤ 0 for the tangent kernel K of one output, whatever r."""
    return net.residual.sum(-1) * 0


@equals(observed=lambda layer: layer.weight @ layer.input_grad.mT, on=strategies.layer_traces)
def gradients_pass_twice(layer: LayerTrace) -> Operand:
    """False: W (∇_H L)ᵀ is (∇_Z L)ᵀ."""
    return layer.output_grad.mT


@equals(observed=weights_times_gradients, on=strategies.gated_networks)
def layers_gain_by_their_depth(net: GatedNetwork) -> dict[str, Operand]:
    """False: ⟨W_l, ∇_l L⟩ is l times the first one."""
    total = (net.residual * fields(net).outputs).sum(-1)
    return {f"layer {i}": total * i for i in range(1, net.depth + 1)}
