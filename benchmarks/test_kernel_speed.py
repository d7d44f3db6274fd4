"""``pytest benchmarks --benchmark-only``: the tangent kernel in every way that is compared."""

import kernel_methods
import kernel_peers
import pytest
import stack_methods
import torch

CASES = {
    "small": (lambda: kernel_methods.mlp(16, 16), list(kernel_methods.METHODS)),
    # vmap(jacrev) takes half a minute here: see compare.py
    "medium": (
        lambda: kernel_methods.mlp(256, 256),
        ["tangent_kernel", "closed form", "nngeometry, one output at a time"],
    ),
    "lenet": (kernel_methods.lenet, [m for m in kernel_methods.METHODS if m != "closed form"]),
    "convolutions": (
        kernel_methods.all_convolutional,
        ["tangent_kernel", "vmap(jacrev)", "nngeometry, one output at a time"],
    ),
}


@pytest.mark.parametrize("full", [False, True], ids=["trace", "full"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["float64", "float32"])
@pytest.mark.parametrize(
    ("size", "method"),
    [(size, method) for size, (_, methods) in CASES.items() for method in methods],
)
def test_tangent_kernel(benchmark, size, method, dtype, full):
    case = CASES[size][0]().of(dtype)
    if method not in kernel_methods.methods(case, full=full):
        pytest.skip(f"{method} is not installed, or has no such form")
    benchmark.group = f"tangent kernel, {size}, {'full' if full else 'trace'}, {dtype}"
    run = kernel_methods.METHODS[method]
    kernel_methods.check(method, run(case, full), kernel_methods.ours(case, full))
    benchmark.pedantic(run, (case, full), rounds=5)


@pytest.mark.parametrize(
    "method", ["tangent_kernels, stacked parameters", "tangent_kernels, a list"]
)
def test_tangent_kernels_of_many_networks(benchmark, method):
    benchmark.group = "tangent kernels of 200 networks"
    benchmark.pedantic(stack_methods.methods()[method], rounds=5)


def test_peers_are_named_by_their_packages():
    """What is not installed is left out by the first word of its name."""
    assert {name.split()[0].rstrip(",") for name in kernel_peers.METHODS} == set(
        kernel_peers.PACKAGES
    )
