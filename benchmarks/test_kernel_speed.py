"""``pytest benchmarks --benchmark-only``: the tangent kernel in every way that is compared."""

import kernel_methods
import pytest

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


@pytest.mark.parametrize(
    ("size", "method"),
    [(size, method) for size, (_, methods) in CASES.items() for method in methods],
)
def test_tangent_kernel(benchmark, size, method):
    if method.startswith("nngeometry"):
        pytest.importorskip("nngeometry")
    make, _ = CASES[size]
    benchmark.group = f"tangent kernel, {size}"
    case = make()
    kernel_methods.check(method, kernel_methods.METHODS[method](case), kernel_methods.ours(case))
    benchmark.pedantic(kernel_methods.METHODS[method], (case,), rounds=5)
