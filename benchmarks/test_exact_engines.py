"""What exact matrix products cost: Python integers in object arrays, FLINT's integers, and float64
modulo primes.

    pytest benchmarks/test_exact_engines.py --benchmark-only --benchmark-group-by=param:size

Entries of 61 bits, results as object arrays, since that is what the claims' own code runs on:
conversions count. Float64 products modulo a prime are exact while n p² < 2^53, so p < 2^23 at n =
64; three such primes give an error probability of (D/p)³ < 2^-40 for degrees D up to 2^9.
"""

import numpy as np
import pytest

from impl.generic import Source
from impl.numbers.tracked import is_tracked
from theorems import backward_pullback_recursion, kernel_ode
from theorems.checking.generic import constructor, examine

flint = pytest.importorskip("flint")

SIZES = (4, 16, 64)
PRIMES = (8388593, 8388587, 8388581)


def _matrices(size):
    source = Source(0, 0)
    return source.entries(size, size), source.entries(size, size)


def _by_python(left, right):
    return left @ right


def _by_flint(left, right):
    size = len(left)
    product = flint.fmpz_mat(left.tolist()) * flint.fmpz_mat(right.tolist())
    out = np.empty(size * size, dtype=object)
    out[:] = [int(value) for value in product.entries()]
    return out.reshape(size, size)


def _by_primes(left, right):
    """Residues of the product; reducing the operands is part of it, as it is at every operation of
    a formula.
    """
    return [
        np.mod((left % p).astype(np.float64) @ (right % p).astype(np.float64), p).astype(np.int64)
        for p in PRIMES
    ]


def _by_primes_throughout(residues):
    """The same where operands stay residues from one operation to the next."""
    return [np.mod(left @ right, p) for p, (left, right) in zip(PRIMES, residues, strict=True)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "engine", [_by_python, _by_flint, _by_primes], ids=["python", "flint", "primes"]
)
def test_product(benchmark, engine, size):
    left, right = _matrices(size)
    product = benchmark(engine, left, right)
    truth = left @ right
    if engine is _by_primes:
        assert all((found == truth % p).all() for p, found in zip(PRIMES, product, strict=True))
    else:
        assert (product == truth).all()


@pytest.mark.parametrize("size", SIZES)
def test_product_of_residues(benchmark, size):
    left, right = _matrices(size)
    residues = [tuple((m % p).astype(np.float64) for m in (left, right)) for p in PRIMES]
    found = benchmark(_by_primes_throughout, residues)
    assert all((r == (left @ right) % p).all() for p, r in zip(PRIMES, found, strict=True))


@pytest.mark.parametrize("claim", [backward_pullback_recursion, kernel_ode], ids=lambda c: c.name)
def test_claim_at_a_generic_point(benchmark, claim):
    instance = constructor(claim)(Source(3, 0))
    assert benchmark(lambda: claim.predict(instance)) is not None


@pytest.mark.parametrize("claim", [backward_pullback_recursion, kernel_ode], ids=lambda c: c.name)
def test_claim_on_tracked_numbers(benchmark, claim):
    source = Source(3, 0)
    constructor(claim)(source)
    instance = constructor(claim)(source.tracked())
    sides = benchmark(lambda: claim.predict(instance))
    assert is_tracked(*(sides.values() if isinstance(sides, dict) else [sides]))


@pytest.mark.parametrize("claim", [backward_pullback_recursion, kernel_ode], ids=lambda c: c.name)
def test_all_generic_points_of_a_claim(benchmark, claim):
    found = benchmark.pedantic(examine, (claim,), rounds=3)
    assert found.error_probability <= 2**-40
