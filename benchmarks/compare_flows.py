# ruff: noqa: T201
"""The factored flow against scipy's solvers on K, in one run: ``python benchmarks/compare_flows.py [N] [P] [C]``.

Each solver runs in a process of its own with a time limit; one that needs longer, or more memory than there is (BDF and LSODA keep
a Jacobian of N² × N² numbers), is reported as not finishing. Prints a Markdown table.
"""

from __future__ import annotations

import multiprocessing
import sys
import time

import torch

from impl.flow_solvers import flow_to_rest, kernel_flow
from impl.flows import drive
from theorems.rounding import Ball
from theorems.spectra import eigenvalues

LIMIT = 170.0
"""Seconds that a reference solver is given."""


def problem(rows, width, classes):
    source = torch.Generator().manual_seed(0)
    options = {"generator": source, "dtype": torch.float64}
    left = torch.linalg.qr(torch.randn(rows, classes, **options))[0]
    right = torch.linalg.qr(torch.randn(classes, classes, **options))[0]
    s = torch.linspace(1.5, 6, classes, dtype=torch.float64)
    features = torch.randn(rows, width, **options) / width**0.5
    return features, (left * s) @ right.mT, (left * (s - 1).clamp(min=0)) @ left.mT


def relative_error(kernel, filled):
    return float((kernel - filled).norm() / filled.norm())


def reference(method, sizes, until, send):
    features, targets, filled = problem(*sizes)
    start = time.perf_counter()
    kernel = kernel_flow(
        features @ features.mT, targets, ridge=1.0, decay=1.0, until=until, method=method, tolerance=1e-9
    )
    send.send((time.perf_counter() - start, relative_error(kernel, filled)))


def timed(method, sizes, until):
    """(seconds, error) or why there are none."""
    jacobian = 8 * sizes[0] ** 4
    if method in ("LSODA", "BDF") and jacobian > 8e9:
        return f"cannot run: its Jacobian has {jacobian / 1e9:.3g} GB"
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=reference, args=(method, sizes, until, send))
    process.start()
    if receive.poll(LIMIT):
        found = receive.recv()
        process.join()
        return found
    process.terminate()
    return f"not finished after {LIMIT:.0f} s"


def main():
    torch.set_num_threads(2)
    sizes = tuple(int(a) for a in sys.argv[1:4]) or (1000, 1200, 10)
    features, targets, filled = problem(*sizes)
    start = time.perf_counter()
    with_one = torch.get_num_threads()
    torch.set_num_threads(1)  # its matrices are small: a second thread only waits
    rest = flow_to_rest(features, targets, ridge=1.0, decay=1.0)
    fast = time.perf_counter() - start
    torch.set_num_threads(with_one)
    rows = [("factored flow", fast, relative_error(rest.features @ rest.features.mT, filled), 1.0)]
    start = time.perf_counter()
    pull = drive(filled, targets, torch.tensor(1.0, dtype=torch.float64))
    slack = torch.eye(sizes[0], dtype=torch.float64) - pull
    values, errors = eigenvalues(Ball(slack))
    residual = float((slack @ filled).norm() / filled.norm())
    check = time.perf_counter() - start
    print(f"N, P, C = {sizes}; rest at time {rest.time:.1f} in {rest.steps} steps, ‖∇J‖ = {rest.distance:.1e}\n")
    print("| solver | seconds | relative error of K | times slower |\n|---|---|---|---|")
    for name, seconds, error, ratio in rows:
        print(f"| {name} | {seconds:.2f} | {error:.1e} | {ratio:.0f} |")
    for method in ("RK45", "LSODA", "BDF"):
        found = timed(method, sizes, rest.time)
        if isinstance(found, str):
            print(
                f"| solve_ivp {method} | {found} | | > {LIMIT / fast:.0f} |"
                if "after" in found
                else f"| solve_ivp {method} | {found} | | |"
            )
        else:
            print(f"| solve_ivp {method} | {found[0]:.2f} | {found[1]:.1e} | {found[0] / fast:.0f} |")
    print(
        f"\noptimality check of the closed form: {check:.2f} s, residual {residual:.1e}, least slack {float(values[0]):.1e} ± {float(errors[0]):.1e}"
    )


if __name__ == "__main__":
    main()
