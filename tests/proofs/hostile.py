"""Conjectures whose code answers differently for different instances: none may be proved."""

import torch

from impl import GatedNetwork, LayerTrace, Operand, fields, strategies
from theorems import equals


def learned(layer: LayerTrace) -> Operand:
    return layer.weight.mT @ layer.weight_grad


def told(layer: LayerTrace) -> Operand:
    return layer.input_grad.mT @ layer.inputs


@equals(observed=learned, on=strategies.layer_traces)
def wide_layers_differ(layer: LayerTrace) -> Operand:
    """Another formula from width 40 on."""
    return told(layer) * (2 if layer.weight.shape[0] > 40 else 1)


@equals(observed=learned, on=strategies.layer_traces)
def square_layers_differ(layer: LayerTrace) -> Operand:
    """Another formula where the layer is square."""
    return told(layer) * (2 if layer.weight.shape[0] == layer.weight.shape[1] else 1)


@equals(observed=learned, on=strategies.layer_traces)
def large_weights_differ(layer: LayerTrace) -> Operand:
    """Another formula where a weight is large."""
    return told(layer) * (2 if bool((layer.weight > 1000).any()) else 1)


@equals(observed=learned, on=strategies.layer_traces)
def caught_and_covered_up(layer: LayerTrace) -> Operand:
    """A branch that catches what it is told."""
    try:
        factor = 2 if layer.weight.shape[0] > 40 else 1
    except TypeError:
        factor = 1
    return told(layer) * factor


@equals(observed=learned, on=strategies.layer_traces)
def many_calls_differ(layer: LayerTrace) -> Operand:
    """Another formula where a module was called twice."""
    return told(layer) * (2 if layer.calls > 1 else 1)


@equals(observed=learned, on=strategies.layer_traces)
def names_differ(layer: LayerTrace) -> Operand:
    """Another formula for a layer of some name."""
    return told(layer) * (2 if layer.name == "head" else 1)


@equals(observed=learned, on=strategies.layer_traces)
def floats_differ(layer: LayerTrace) -> Operand:
    """Another formula for floats."""
    return told(layer) * (2 if isinstance(layer.weight, torch.Tensor) else 1)


@equals(observed=learned, on=strategies.layer_traces)
def biased_layers_differ(layer: LayerTrace) -> Operand:
    """Another formula with a bias."""
    return told(layer) * (1 if layer.bias is None else 2)


@equals(observed=learned, on=strategies.layer_traces)
def nearly(layer: LayerTrace) -> Operand:
    """Off by a little."""
    return told(layer) * 1.0000000001


@equals(observed=lambda net: fields(net).z[1], on=strategies.gated_networks)
def gates_by_name_differ(net: GatedNetwork) -> Operand:
    """Another formula for ReLU networks."""
    return fields(net).z[1] * (2 if net.gate == "relu" else 1)


@equals(observed=lambda net: fields(net).z[1], on=strategies.gated_networks)
def deep_networks_differ(net: GatedNetwork) -> Operand:
    """Another formula at depth three."""
    return fields(net).z[1] * (2 if net.depth == 3 else 1)


@equals(
    observed=lambda net: net.masks[0] * net.masks[0] * net.inputs.sum(-1)[..., None],
    on=strategies.gated_networks,
)
def gates_are_squares_of_inputs_too(net: GatedNetwork) -> Operand:
    """Masks are their own squares; inputs are not."""
    return net.masks[0] * (net.inputs * net.inputs).sum(-1)[..., None]


@equals(observed=learned, on=strategies.layer_traces)
def widths_in_a_set_differ(layer: LayerTrace) -> Operand:
    """Another formula for some widths, looked up in a set."""
    return told(layer) * (2 if layer.weight.shape[0] in {64, 65} else 1)


@equals(observed=learned, on=strategies.layer_traces)
def names_in_a_dictionary_differ(layer: LayerTrace) -> Operand:
    """Another formula for a layer of some name, looked up in a dictionary."""
    return told(layer) * {"head": 2}.get(layer.name, 1)


@equals(observed=learned, on=strategies.layer_traces)
def calls_in_a_set_differ(layer: LayerTrace) -> Operand:
    """Another formula for some counts, looked up in a set."""
    return told(layer) * (2 if layer.calls in {2, 3} else 1)


@equals(observed=learned, on=strategies.layer_traces)
def sizes_that_are_numbers_differ(layer: LayerTrace) -> Operand:
    """Another formula where a size is a number."""
    return told(layer) * (2 if isinstance(layer.weight.shape[0], int) else 1)


@equals(observed=learned, on=strategies.layer_traces)
def counts_that_are_numbers_differ(layer: LayerTrace) -> Operand:
    """Another formula where a count is a number."""
    return told(layer) * (2 if isinstance(layer.calls, int) else 1)


@equals(observed=learned, on=strategies.layer_traces)
def sizes_by_their_digits_differ(layer: LayerTrace) -> Operand:
    """Another formula for a width that is written with digits."""
    return told(layer) * (2 if f"{layer.weight.shape[0]}".isdigit() else 1)


@equals(observed=learned, on=strategies.layer_traces)
def names_rewritten_differ(layer: LayerTrace) -> Operand:
    """Another formula for a layer of some name, as another text."""
    return told(layer) * (2 if layer.name.replace("x", "y") == "head" else 1)
