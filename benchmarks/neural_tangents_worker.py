"""The empirical kernel of neural-tangents, in an interpreter of its own; `neural_tangents_peer`
talks to it.

neural-tangents 0.6.5 (December 2023, the last) does not import under a jax of today (`ImportError:
cannot import name 'Jaxpr' from 'jax.core'` under 0.10), and from jax 0.4.30 on one of its three
implementations fails (`jax.interpreters.ad has no attribute 'source_info_util'`); the jax of its
time wants numpy 1, which is older than what this project asks for. Hence another interpreter:

    python3.11 -m venv JAX
    JAX/bin/pip install jax==0.4.23 jaxlib==0.4.23 'numpy<2' 'scipy<1.13' frozendict
    JAX/bin/pip install --no-deps neural-tangents==0.6.5

Its front end for TensorFlow is not needed and not installed.

Requests come line by line as JSON: ``{"load": file}`` reads a network, and ``{"run": …}`` answers
with the seconds of CPU of one kernel, after it was compiled.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
import types
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
sys.modules["neural_tangents.experimental"] = types.ModuleType("neural_tangents.experimental")

import jax  # noqa: E402
import neural_tangents  # noqa: E402
import numpy as np  # noqa: E402

jax.config.update("jax_enable_x64", True)

WAYS = {
    "Jacobian contraction": neural_tangents.NtkImplementation.JACOBIAN_CONTRACTION,
    "NTK-vector products": neural_tangents.NtkImplementation.NTK_VECTOR_PRODUCTS,
    "structured derivatives": neural_tangents.NtkImplementation.STRUCTURED_DERIVATIVES,
}
CONV = ("NCHW", "OIHW", "NCHW")


def network(layers):
    """The function (parameters, x) of layers written as lists: torch's own weights, standard
    parametrization.
    """

    def apply(parameters, x):
        values = iter(parameters)
        for kind, *options in layers:
            if kind == "linear":
                weight, bias = next(values), next(values)
                x = x @ weight + bias
            elif kind == "conv":
                weight, bias = next(values), next(values)
                stride, padding = options
                pads = [(p, p) for p in padding]
                x = jax.lax.conv_general_dilated(x, weight, stride, pads, dimension_numbers=CONV)
                x = x + bias[:, None, None]
            elif kind == "relu":
                x = jax.nn.relu(x)
            elif kind == "pool":
                k = options[0]
                n, c, h, w = x.shape
                x = x.reshape(n, c, h // k, k, w // k, k).mean((3, 5))
            else:
                x = x.reshape(len(x), -1)
        return x

    return apply


def compiled(layers, way, *, full):
    """The kernel as one compiled function of inputs and parameters."""
    kernel = neural_tangents.empirical_ntk_fn(
        network(layers),
        trace_axes=() if full else (-1,),
        vmap_axes=0,
        implementation=WAYS[way],
    )
    return jax.jit(lambda x, parameters: kernel(x, None, parameters))


def resident(field):
    """A field of this process's status in bytes; None where the system has none."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    line = next(line for line in status.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) * 1024


def forget_peak():
    """Give freed memory back and start the high-water mark anew."""
    if Path("/proc/self/clear_refs").exists():
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")


def main():
    """Answer requests."""
    kernels, case = {}, None
    versions = {
        "neural-tangents": neural_tangents.__version__,
        "jax": jax.__version__,
        "numpy": np.__version__,
    }
    sys.stdout.write(json.dumps(versions) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        request = json.loads(line)
        if "load" in request:
            kernels = {}
            with np.load(request["load"]) as file:
                count = len(file.files) - 1
                numbers = [file[f"p{i}"] for i in range(count)]
                # a transposition in the function hides its structure from neural-tangents
                numbers = [p.T.copy() if p.ndim == 2 else p for p in numbers]
                parameters = [jax.numpy.asarray(p) for p in numbers]
                case = jax.numpy.asarray(file["x"]), parameters
            layers, answer = request["layers"], {}
        else:
            key = (request["run"], request["full"])
            first = key not in kernels
            if first:
                kernels[key] = compiled(layers, request["run"], full=request["full"])
                kernels[key](*case).block_until_ready()
                forget_peak()
            before = resident("VmRSS")
            start = time.process_time()
            found = kernels[key](*case).block_until_ready()
            answer = {"seconds": time.process_time() - start}
            if first:
                answer["bytes"] = None if before is None else resident("VmHWM") - before
                np.save(request["save"], np.asarray(found))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
