"""Which way `impl.tangent_kernel` takes: the closed form of perceptrons, or that of any module."""

import contextlib

import torch

from impl import tangent_kernel
from impl.networks import tangent_kernels
from impl.networks.perceptrons import NoPerceptron


@contextlib.contextmanager
def watched():
    """A list that gets True for every kernel in closed form, and False for every other."""
    seen, closed = [], tangent_kernels.closed_kernel

    def spy(*args, **kwargs):
        seen.append(False)
        found = closed(*args, **kwargs)
        seen[-1] = True
        return found

    tangent_kernels.closed_kernel = spy
    try:
        yield seen
    finally:
        tangent_kernels.closed_kernel = closed


def by_autograd(model, inputs, others=None, **options):
    """The kernel by the way of any module, or the kind and message of its refusal."""

    def none(*_, **__):
        raise NoPerceptron

    closed, tangent_kernels.closed_kernel = tangent_kernels.closed_kernel, none
    try:
        return tangent_kernel(model, inputs, others, **options)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"
    finally:
        tangent_kernels.closed_kernel = closed


def by_any_way(model, inputs, others=None, **options):
    """The kernel, or the kind and message of its refusal."""
    try:
        return tangent_kernel(model, inputs, others, **options)
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


def assert_same(found, wanted, rtol=1e-11):
    """Both refused with the same words, or the same numbers under the same names."""
    if isinstance(found, str) or isinstance(wanted, str):
        assert found == wanted
        return
    assert found.left_out == wanted.left_out
    assert list(found.terms) == list(wanted.terms)
    size = max(float(term.abs().max()) for term in wanted.terms.values())
    for name, term in wanted.terms.items():
        torch.testing.assert_close(found.terms[name], term, rtol=rtol, atol=rtol * size)
    torch.testing.assert_close(found.total, wanted.total, rtol=rtol, atol=rtol * size)
