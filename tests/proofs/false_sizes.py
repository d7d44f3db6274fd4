"""False conjectures that are true at some sizes: they compare a size with what hides that it is a
number, take a given length for any, or one entry for all. None may be proved.
"""

from decimal import Decimal

import numpy as np
import torch

from impl import GatedNetwork, LayerTrace, gradient, strategies
from impl.numbers.differentiation import gradient as gradients
from impl.preconditioning.linear_students import LinearStudent, identity
from impl.strategies import students
from theorems import equals

LAYERS = strategies.layer_traces


def false(on, observed, how=equals):
    """A conjecture by its prediction."""
    return how(observed=observed, on=on)


def twice(layer: LayerTrace, condition) -> object:
    return layer.input_grad.mT @ layer.inputs * (2 if condition else 1)


def learned(layer: LayerTrace) -> object:
    return layer.weight.mT @ layer.weight_grad


@false(LAYERS, learned)
def a_size_that_is_a_formula(layer: LayerTrace):
    """n = n·1 is true of numbers, and no question to symbols."""
    n = layer.weight.shape[0]
    return twice(layer, n == n * 1)


@false(LAYERS, learned)
def a_size_that_is_another_by_a_formula(layer: LayerTrace):
    """n = d + 0."""
    n, d = layer.weight.shape
    return twice(layer, n == d + 0)


@false(LAYERS, learned)
def a_size_among_formulas(layer: LayerTrace):
    """n is one of d, 2d."""
    n, d = layer.weight.shape
    return twice(layer, n in (d * 1, d * 2))


@false(LAYERS, learned)
def a_size_that_is_numpys(layer: LayerTrace):
    """n = 2, a number of numpy."""
    return twice(layer, layer.weight.shape[0] == np.int64(2))


@false(LAYERS, learned)
def a_size_on_the_right_of_numpys(layer: LayerTrace):
    """2 = n, a number of numpy."""
    return twice(layer, np.int64(2) == layer.weight.shape[0])


@false(LAYERS, learned)
def a_size_among_numpys(layer: LayerTrace):
    """n is in an array of numpy."""
    return twice(layer, layer.weight.shape[0] in np.arange(1, 4))


@false(LAYERS, learned)
def a_size_among_a_list_of_numpys(layer: LayerTrace):
    """n is in a list of numpy's numbers."""
    return twice(layer, layer.weight.shape[0] in list(np.arange(1, 4)))


@false(LAYERS, learned)
def a_size_that_is_a_decimal(layer: LayerTrace):
    """n = Decimal(2)."""
    return twice(layer, layer.weight.shape[0] == Decimal(2))


@false(LAYERS, learned)
def a_size_that_is_complex(layer: LayerTrace):
    """n = 2 + 0i."""
    return twice(layer, layer.weight.shape[0] == 2 + 0j)


@false(LAYERS, learned)
def a_size_that_is_a_tensor(layer: LayerTrace):
    """n = torch.tensor(2)."""
    return twice(layer, bool(layer.weight.shape[0] == torch.tensor(2)))


@false(LAYERS, learned)
def a_size_by_its_parity(layer: LayerTrace):
    """n is even, whatever is caught."""
    try:
        even = layer.weight.shape[0] % 2 == 0
    except TypeError:
        even = False
    return twice(layer, even)


@false(LAYERS, learned)
def a_size_by_its_bits(layer: LayerTrace):
    """n & 1, whatever is caught."""
    try:
        odd = layer.weight.shape[0] & 1
    except TypeError:
        odd = 0
    return twice(layer, odd)


@false(LAYERS, learned)
def the_least_of_two_sizes(layer: LayerTrace):
    """min(n, d) = n."""
    return twice(layer, min(layer.weight.shape) != layer.weight.shape[0])


@false(LAYERS, learned)
def sizes_in_order(layer: LayerTrace):
    """d comes second among the sorted sizes."""
    return twice(layer, sorted(layer.weight.shape)[1] != layer.weight.shape[1])


@false(LAYERS, lambda layer: identity(2, layer.weight).sum(-1).sum(-1))
def an_identity_of_given_size(layer: LayerTrace):
    """1ᵀI1 = 1: true of one dimension."""
    return layer.weight.sum(-1).sum(-1) * 0 + 1


@false(LAYERS, lambda layer: gradients(lambda w: w[0].sum(-1), (layer.weight,))[0])
def the_gradient_of_one_row(layer: LayerTrace):
    """∇ Σ_j W_0j is 1 at every entry: true of one row."""
    return layer.weight * 0 + 1


@false(LAYERS, lambda layer: gradients(lambda w: w[0, 0], (layer.weight,))[0])
def the_gradient_of_one_entry(layer: LayerTrace):
    """∇ W_00 is 1 at every entry: true of one entry."""
    return layer.weight * 0 + 1


@false(LAYERS, lambda layer: gradient(lambda w: (w[:, :1] * w[:, :1]).sum(), layer.weight))
def the_gradient_of_one_column(layer: LayerTrace):
    """∇ Σ_i W_i0² is 2W_i0 in every column."""
    return layer.weight * 0 + layer.weight[:, :1] * 2


@false(LAYERS, lambda layer: layer.weight.sum(0))
def one_row_is_all(layer: LayerTrace):
    """Σ_i W_ij = W_0j."""
    return layer.weight[0]


@false(LAYERS, lambda layer: layer.weight[0])
def the_first_row_is_the_last(layer: LayerTrace):
    """W_0j = W_−1j."""
    return layer.weight[-1]


@false(LAYERS, lambda layer: layer.weight[:2])
def two_rows_are_all(layer: LayerTrace):
    """W has two rows at most."""
    return layer.weight


@false(LAYERS, lambda layer: layer.weight.mean())
def means_of_means(layer: LayerTrace):
    """True of square weights."""
    rows, columns = layer.weight.shape
    return layer.weight.mean(0).mean() * rows / columns


@false(LAYERS, lambda layer: torch.einsum("ij,ij->i", layer.weight, layer.weight))
def two_names_for_one_index(layer: LayerTrace):
    """Σ_j W_ij² = Σ_jk W_ij W_ik: true of one column."""
    return torch.einsum("ij,ik->i", layer.weight, layer.weight)


@false(LAYERS, lambda layer: torch.einsum("ii", layer.weight.mT @ layer.weight))
def a_trace_is_a_sum(layer: LayerTrace):
    """The trace of WᵀW is the sum of its entries."""
    return (layer.weight.mT @ layer.weight).sum()


@false(LAYERS, lambda layer: layer.weight.mT @ layer.weight)
def grams_of_both_sides(layer: LayerTrace):
    """WᵀW = WWᵀ: true of one by one."""
    return layer.weight @ layer.weight.mT


@false(students.students, lambda s: s.rates[0] * s.inputs)
def rates_are_constant(s: LinearStudent):
    """η_1 = η_T: true of one step."""
    return s.rates[-1] * s.inputs


@false(strategies.gated_networks, lambda net: net.residual * len(net.weights))
def networks_have_one_layer(net: GatedNetwork):
    """L = 1."""
    return net.residual
