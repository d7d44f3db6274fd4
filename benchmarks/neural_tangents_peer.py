"""neural-tangents, jitted, in an interpreter of its own: ``THEOREMS_JAX`` names it, see
`neural_tangents_worker`.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from kernel_cases import Case
from torch import nn

WAYS = ("Jacobian contraction", "NTK-vector products", "structured derivatives")


class Peer:
    """The worker and what it has loaded."""

    def __init__(self, interpreter: str) -> None:
        """Start it."""
        self.folder = TemporaryDirectory()
        worker = Path(__file__).with_name("neural_tangents_worker.py")
        self.process = subprocess.Popen(
            [interpreter, str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"},
        )
        self.versions = self._answer()
        self.loaded: Case | None = None

    def load(self, case: Case) -> None:
        """Hand the network and its batch over, torch's own numbers."""
        if self.loaded is case:
            return
        arrays = {f"p{i}": p.detach().numpy() for i, p in enumerate(case.model.parameters())}
        file = str(Path(self.folder.name) / "case.npz")
        np.savez(file, x=case.inputs.numpy(), **arrays)
        self._ask(load=file, layers=[_described(m) for m in case.model])
        self.loaded = case

    def run(self, case: Case, way: str, *, full: bool) -> dict[str, Any]:
        """Seconds of CPU of one kernel; of the first also its bytes at the peak, and the kernel
        itself, (N, N) or (N, C, N, C).
        """
        self.load(case)
        file = Path(self.folder.name) / "kernel.npy"
        file.unlink(missing_ok=True)
        answer = self._ask(run=way, full=full, save=str(file))
        if file.exists():
            kernel = torch.from_numpy(np.load(file))
            # its trace is a mean
            answer["kernel"] = kernel.permute(0, 2, 1, 3) if full else kernel * case.outputs
        return answer

    def close(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()
        self.folder.cleanup()

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the interpreter that THEOREMS_JAX names has no neural-tangents")
        return json.loads(line)


def peer() -> Peer | None:
    """The worker, or None where ``THEOREMS_JAX`` names no interpreter."""
    interpreter = os.environ.get("THEOREMS_JAX")
    return Peer(interpreter) if interpreter else None


def _described(module: nn.Module) -> list[Any]:
    if isinstance(module, nn.Linear):
        return ["linear"]
    if isinstance(module, nn.Conv2d):
        return ["conv", list(module.stride), list(module.padding)]
    if isinstance(module, nn.AvgPool2d):
        return ["pool", module.kernel_size]
    return ["relu" if isinstance(module, nn.ReLU) else "flatten"]
