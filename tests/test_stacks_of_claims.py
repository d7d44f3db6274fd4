"""A stack of instances: judged like its members, or refused by name; never a verdict of its own."""

import dataclasses

import numpy as np
import pytest
from torch import Tensor

from impl.errors import InputError
from impl.spectral import LaplacianTask
from impl.strategies.ridge import graph_laplacians, rational_laplacians
from theorems import CLAIMS, laplacian_filter_rank
from theorems.searching.drawing import draws
from theorems.verdict import Outcome


def operands(instance):
    values = [getattr(instance, f.name) for f in dataclasses.fields(instance)]
    return [v for v in values if isinstance(v, Tensor | np.ndarray) or (isinstance(v, tuple) and v)]


def decided(claim, instance):
    """The outcome, or the InputError that names the claim or the type."""
    try:
        return claim(instance).outcome
    except InputError as error:
        return error


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_stack_is_judged_like_its_members_or_refused_by_name(claim):
    for instance in draws(claim.instances(), examples=3, seed=0):
        if not operands(instance):
            return  # sizes and seeds: there is nothing to stack
        try:
            stack = type(instance).stack([instance] * 3)
        except InputError as error:
            assert "one by one" in str(error)  # noqa: PT017
            continue
        if all(value is other for value, other in zip(operands(instance), operands(stack), strict=True)):
            return
        for judged in (claim, *claim.mutants.values()):
            found = decided(judged, stack)
            if isinstance(found, InputError):
                assert judged.name in str(found)
                assert "stack" in str(found)
            else:
                assert found is judged(instance).outcome, judged.name


@pytest.mark.parametrize("strategy", [graph_laplacians, rational_laplacians])
def test_a_stack_of_laplacians_is_not_refuted(strategy):
    """Each holds; their stack was REFUTED, since one number counted the passing modes of all."""
    for task in draws(strategy(), examples=5, seed=1):
        assert laplacian_filter_rank(task).outcome is Outcome.HOLDS
        with pytest.raises(InputError, match="laplacian_filter_rank to be called with one LaplacianTask after another"):
            laplacian_filter_rank(LaplacianTask.stack([task, task]))
