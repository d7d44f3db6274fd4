"""The factored flow against scipy's solvers on K, in one run: ``python benchmarks/compare_flows.py
[N P C]``.

All solvers go to the time at which the factored flow is at rest; K is compared with the closed
form. Each solver runs in a process of its own with a time limit; one that needs longer, or more
memory than there is (BDF and LSODA keep a Jacobian of N² × N² numbers), is reported as not
finishing. Prints a Markdown table per size.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time

import torch

from impl.kernel_flows.flow_solvers import flow_to_rest, kernel_flow, optimality

LIMIT = float(os.environ.get("LIMIT", "170"))
"""Seconds that a reference solver is given."""
SIZES = ((40, 48, 4), (200, 240, 10), (1000, 1200, 10))


def problem(rows, width, classes):
    source = torch.Generator().manual_seed(0)
    options = {"generator": source, "dtype": torch.float64}
    left = torch.linalg.qr(torch.randn(rows, classes, **options))[0]
    right = torch.linalg.qr(torch.randn(classes, classes, **options))[0]
    s = torch.linspace(1.5, 6, classes, dtype=torch.float64)
    features = torch.randn(rows, width, **options) / width**0.5
    return features, (left * s) @ right.mT, left * (s - 1).clamp(min=0).sqrt()


def relative_error(kernel, filled):
    return float((kernel - filled).norm() / filled.norm())


def reference(method, sizes, until, send):
    features, targets, factor = problem(*sizes)
    start = time.perf_counter()
    kernel = kernel_flow(
        features @ features.mT,
        targets,
        ridge=1.0,
        decay=1.0,
        until=until,
        method=method,
        tolerance=1e-9,
    )
    send.send((time.perf_counter() - start, relative_error(kernel, factor @ factor.mT)))


def timed(method, sizes, until):
    """(seconds, error) or why there are none."""
    jacobian = 8 * sizes[0] ** 4
    if method in ("LSODA", "BDF") and jacobian > 8e9:
        return f"cannot run: its Jacobian has {jacobian / 1e9:.3g} GB"
    # spawned, not forked: threads of the parent would hang the child
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(
        target=reference, args=(method, sizes, until, send)
    )
    process.start()
    if receive.poll(LIMIT):
        found = receive.recv()
        process.join()
        return found
    process.terminate()
    return f"not finished after {LIMIT:.0f} s"


def compare(sizes):
    """One table: the factored flow once, then every reference solver that can run at all."""
    features, targets, factor = problem(*sizes)
    start = time.perf_counter()
    rest = flow_to_rest(features, targets, ridge=1.0, decay=1.0)
    fast = time.perf_counter() - start
    error = relative_error(rest.features @ rest.features.mT, factor @ factor.mT)
    start = time.perf_counter()
    slack, residual = optimality(factor, targets, ridge=1.0, decay=1.0)
    check = time.perf_counter() - start
    print(  # noqa: T201
        f"| N, P, C = {', '.join(map(str, sizes))} | seconds | relative error of K | times "
        "slower |\n|---|--:|--:|--:|"
    )
    print(f"| factored flow | {fast:.3g} | {error:.1e} | 1 |", flush=True)  # noqa: T201
    for method in ("RK45", "LSODA", "BDF"):
        found = timed(method, sizes, rest.time)
        if isinstance(found, str):
            ratio = f"> {LIMIT / fast:.0f}" if "after" in found else ""
            print(f"| solve_ivp {method} | {found} | | {ratio} |", flush=True)  # noqa: T201
        else:
            print(  # noqa: T201
                f"| solve_ivp {method} | {found[0]:.3g} | {found[1]:.1e} | {found[0] / fast:.0f} |",
                flush=True,
            )
    print(  # noqa: T201
        f"| optimality of the closed form | {check:.3g} | residual {residual:.1e}, least "
        f"slack {slack:.1e} | |\n",
        flush=True,
    )


def main():
    torch.set_num_threads(1)  # the factored flow's matrices are small: a second thread only waits
    warm, labels, _ = problem(20, 20, 2)
    flow_to_rest(warm, labels, ridge=1.0, decay=1.0)
    chosen = [tuple(int(a) for a in sys.argv[1:4])] if len(sys.argv) > 3 else SIZES
    for sizes in chosen:
        compare(sizes)


if __name__ == "__main__":
    main()
