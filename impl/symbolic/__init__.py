r"""Formulas decided for all sizes at once: sums of tensor networks in a normal form.

The operand `Symbolic` is an array whose axes have symbolic sizes and whose value is a finite sum

.. math:: \sum_t c_t \; s_t \sum_{\text{bound indices}} \prod_k v_k[\text{indices}]

of monomials: a rational coefficient, powers of sizes and scalars, a multiset of nodes (variables
with indices), and the indices of the output; what the output does not name is summed. ``@``,
``*``, ``+``, ``.mT``, ``.sum``, new axes, identity matrices and sizes as numbers stay among such
sums, and each operator here is the definition of its array operator, entry by entry. What leaves
them is refused.

**Equal forms are equal for all sizes.** Renaming bound indices, reordering factors, adding up
equal monomials, 0/1 gates that meet themselves (g² = g), symmetric variables, Σ_i 1 = n, and the
relations of a variable (R M = I, QᵀQ = I) are identities between numbers at every size and for
all entries that satisfy what is said of them. So if two expressions have one normal form, they
are equal arrays at every size n ≥ 1 of every axis and for all entries. This is the only direction
on which the grade PROVED rests; whether the labelling is truly canonical decides how much is
found, not whether it is true.

**Different forms differ at some size** (without relations). Group the difference by its nodes:
each pattern t (factors and output, up to renaming bound indices) has a coefficient, a Laurent
polynomial in sizes and scalars that is not zero; it vanishes on no neighbourhood of infinity, so
take sizes, at least as large as the number of indices of their kind, and scalars at which none of
them vanishes. Among the patterns take one, t, with the largest number of indices, and give all of
its indices, those of the output included, pairwise different values. This is one product of
entries in the sum of t. Where does it occur in the difference besides? From another pattern t' it
would come by some values of the indices of t'. If these are pairwise different, t' is t renamed.
If two coincide, t' has more indices than there are different values in the product, more than t
has, which was excluded. From t itself it comes once for every symmetry of t. So the coefficient
of this product is that of t times a positive number. Reduced products are linearly independent
functions of the entries (powers of free entries; entries of gates at most once, as functions on 0
and 1), so the two sides differ for some entries, and whole ones suffice. Padding with zeros
carries an identity down to smaller sizes. A refutation is never taken from this argument alone:
`theorems.proving.counterexamples` evaluates the claim on a numeric instance.
"""

from theorems.impl.symbolic.arrays import Symbolic, identity, number, scalar_symbol, variable
from theorems.impl.symbolic.errors import NotOfThisFormError
from theorems.impl.symbolic.sizes import Size
from theorems.impl.symbolic.source import SymbolicSource

__all__ = [
    "NotOfThisFormError",
    "Size",
    "Symbolic",
    "SymbolicSource",
    "identity",
    "number",
    "scalar_symbol",
    "variable",
]
