"""False conjectures whose code tells symbols from numbers, or one call from another: through a
library or a neighbour, by what it catches, keeps or changes. None may be proved.
"""

import contextlib
from functools import cache

import torch
from helping import chosen, factor

from impl import GatedNetwork, LayerTrace, gradient, strategies
from theorems import Source, equals

LAYERS, NETWORKS = strategies.layer_traces, strategies.gated_networks


def false(on, observed, **options):
    """A conjecture by its prediction."""
    return equals(observed=observed, on=on, **options)


def told(layer: LayerTrace, times: int = 1) -> object:
    return layer.input_grad.mT @ layer.inputs * times


def learned(layer: LayerTrace) -> object:
    return layer.weight.mT @ layer.weight_grad


@false(LAYERS, learned)
def torch_knows_its_tensors(layer: LayerTrace):
    """Another formula for tensors, by torch."""
    return told(layer, 2 if torch.is_tensor(layer.weight) else 1)


@false(LAYERS, learned)
def a_neighbour_knows_tensors(layer: LayerTrace):
    """Another formula for tensors, in a file that is imported."""
    return told(layer, factor(layer.weight))


@false(LAYERS, learned)
def dispatch_knows_tensors(layer: LayerTrace):
    """Another formula for tensors, by single dispatch."""
    return told(layer, chosen(layer.weight))


@false(LAYERS, learned, source=Source("0000.00000", "Theorem 1"))
def a_paper_knows_tensors(layer: LayerTrace):
    """Another formula for tensors, in a claim that names a paper."""
    return told(layer, 2 if isinstance(layer.weight, torch.Tensor) else 1)


@false(LAYERS, learned)
def patterns_know_tensors(layer: LayerTrace):
    """Another formula for tensors, by a pattern."""
    match layer.weight:
        case torch.Tensor():
            return told(layer, 2)
    return told(layer)


@false(LAYERS, learned)
def suppressed_functions_differ(layer: LayerTrace):
    """Another formula where torch's function runs."""
    times = 1
    with contextlib.suppress(Exception):
        torch.linalg.svdvals(layer.weight)
        times = 2
    return told(layer, times)


@false(LAYERS, learned)
def caught_loops_differ(layer: LayerTrace):
    """Another formula where rows can be reversed."""
    try:
        tuple(reversed(layer.weight))
        times = 2
    except TypeError:
        times = 1
    return told(layer, times)


@false(LAYERS, learned, where={"any": lambda layer: torch.linalg.svdvals(layer.weight) is not None})
def where_is_not_seen(layer: LayerTrace):
    """Twice too much, of layers of which symbols know nothing."""
    return told(layer, 2)


@false(LAYERS, lambda layer: gradient(lambda w: (w.detach() * w).sum(), layer.weight))
def constants_move_along(layer: LayerTrace):
    """∇ Σ c W for a detached c = W is 2W: it is W."""
    return layer.weight * 2


def _doubled(layer: LayerTrace):
    weight = layer.weight
    weight += weight
    return weight


@false(LAYERS, _doubled)
def fields_that_are_changed(layer: LayerTrace):
    """W + W in place is 2W: W is another one by then."""
    return layer.weight * 2


def _shared(weight):
    twice, same = weight * 1, weight
    twice += weight
    same = twice
    twice *= 3
    return (same * weight).sum()


@false(LAYERS, lambda layer: gradient(_shared, layer.weight))
def changes_in_place_within_a_gradient(layer: LayerTrace):
    """∇ 2⟨W, W⟩ = 4W: the other name has been changed as well."""
    return layer.weight * 4


_seen: dict[int, object] = {}


@false(NETWORKS, lambda net: _seen.setdefault(net.depth, net.residual.sum(-1)))
def one_network_of_each_depth(net: GatedNetwork):
    """What was found for the first network of a depth."""
    return net.residual.sum(-1)


_first: list[object] = []


@cache
def _remembered(depth: int):
    return _first[-1] * depth


def _once(net: GatedNetwork):
    _first.append(net.residual.sum(-1))
    return _remembered(net.depth)


@false(NETWORKS, _once)
def remembered_by_depth(net: GatedNetwork):
    """What a cache remembers of the depth."""
    return net.residual.sum(-1) * net.depth


_calls = [0]


@false(LAYERS, learned)
def the_first_calls_differ(layer: LayerTrace):
    """Another formula from the third call on."""
    _calls[0] += 1
    return told(layer, 1 if _calls[0] < 3 else 2)


@false(LAYERS, lambda layer: layer.weight_grad)
def measured_layers_differ(layer: LayerTrace):
    """Another formula where the rounding of ∇_Z is known."""
    return layer.weight_grad * (1 if layer.output_error is None else 2)


@false(LAYERS, lambda layer: layer.weight_grad)
def magnitudes_differ(layer: LayerTrace):
    """Another formula where the size of the products is known."""
    return layer.weight_grad * (1 if layer.grad_magnitude is None else 2)


@false(NETWORKS, lambda net: net.residual)
def measured_residuals_differ(net: GatedNetwork):
    """Another formula where the rounding of r is known."""
    return net.residual * (1 if net.residual_error is None else 2)


@false(LAYERS, lambda layer: layer.weight_grad)
def coarse_layers_differ(layer: LayerTrace):
    """Another formula where an instance is coarse."""
    return layer.weight_grad * (2 if layer.coarseness else 1)


@false(LAYERS, lambda layer: layer.weight_grad)
def texts_of_shapes_differ(layer: LayerTrace):
    """Another formula where a 2 is in the text of the shape."""
    return layer.weight_grad * (2 if "2" in str(layer.weight.shape) else 1)


@false(LAYERS, lambda layer: layer.weight_grad)
def shapes_of_tensors_differ(layer: LayerTrace):
    """Another formula where a shape is torch's."""
    return layer.weight_grad * (2 if isinstance(layer.weight.shape, torch.Size) else 1)


@false(LAYERS, lambda layer: layer.weight_grad)
def shapes_that_count_differ(layer: LayerTrace):
    """Another formula where a shape knows how many entries there are."""
    return layer.weight_grad * (2 if hasattr(layer.weight.shape, "numel") else 1)


@false(LAYERS, lambda layer: layer.weight_grad)
def fields_read_at_once_differ(layer: LayerTrace):
    """Another formula where the rounding of ∇_Z is known, found among all fields."""
    return layer.weight_grad * (1 if vars(layer).get("output_error") is None else 2)


@false(LAYERS, lambda layer: layer.weight_grad * 2)
def texts_of_instances_differ(layer: LayerTrace):
    """Another formula where the text of an instance is long."""
    return layer.weight_grad * (2 if len(f"{layer}") > 100 else 1)


@false(LAYERS, lambda layer: layer.weight_grad * 2)
def extents_differ(layer: LayerTrace):
    """Another formula where an instance has a width of more than three."""
    return layer.weight_grad * (1 if layer.extents().get("width", 0) > 3 else 2)
