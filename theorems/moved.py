"""Addresses that modules had before each paper and each kind of number got a room of its own
(November 2026).

Scripts that somebody has kept or mailed may name them: an old address is the module at its new one,
the same object. What is written today imports from `theorems` and `impl`, or from the new
addresses; these here go in November 2027.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType

_ROOMS = {
    ("", "checking"): "searching: degrees generic points",
    ("", "own"): """
        factories fewer loss_slopes membership models monitor monitor_decay places
        preconditions
    """,
    ("evidence", "checking"): "collected controls measures records",
    ("impl", "impl.feature_learning"): """
        chains collapse decoders features linear_networks polar_errors readouts whitening
    """,
    ("impl", "impl.function_space"): """
        ensembles gaussian_gap gaussian_quadrature harmonics kernel_expansion links one_step
        spike_moments spiked_kernels spiked_series zonal_operator
    """,
    ("impl", "impl.gram_hierarchy"): "gated relu_stacks",
    ("impl", "impl.heads"): "attention normalised softmax_heads",
    ("impl", "impl.instances"): "checks instance measured precise",
    ("impl", "impl.kernel_flows"): """
        decayed flow_errors flow_runs flow_solvers flows objectives spectral
        training:minibatches
    """,
    ("impl", "impl.networks"): """
        call_rows copying cross_entropy data double entering grams:sample_grams
        kernels:tangent_kernels layer_errors layers losses nested parts patches
        preconditioned:preconditioned_sgd product_rows products pullbacks recording
        restoring running surgery tracing training_runs widening
    """,
    ("impl", "impl.numbers"): """
        arb_arrays arb_matrices differentiation duals exact_arrays gradients inverses linalg
        literals magnitude object_arrays operands rounded rounded_functions rounded_matrices
        rounded_order torch_functions torch_like tracked truth
    """,
    ("impl", "impl.preconditioning"): """
        aligned first_layer first_layer_runs gaussian_teachers linear_students step_errors
        twins
    """,
    ("impl", "impl.slopes"): """
        backward cuts directions handles line_notes line_points lines loss_lines moving
    """,
    ("impl", "impl.strategies"): "layer_specimens specimens",
    ("impl", "pictures"): "exhibits:kernel_flow_runs feature_exhibits:feature_learning_runs",
    ("pictures", "own"): "monitor:monitor_picture",
    ("places", "own.places"): """
        chunks compiled coverage features gradients noise subject training unseen weights
    """,
    ("relations", "checking"): "alarms",
    ("searching", "checking"): "auditing betting choices drawing falsifying larger",
    ("searching", "evidence"): "audit_tables",
    ("searching", "planting"): "planting:",
    ("searching.planting", "evidence"): "report:planting_tables",
    ("searching.planting", "planting"): "plant reach tokens trial",
}
"""From where to where, and which modules: a name, or the old and the new one."""


def _addresses() -> dict[str, str]:
    found = {}
    for (before, now), names in _ROOMS.items():
        for name in names.split():
            old, renamed, new = name.partition(":")
            found[".".join(filter(None, ("theorems", before, old)))] = (
                f"theorems.{now}.{new if renamed else old}".rstrip(".")
            )
    return found


ADDRESSES = _addresses()
"""The new address of each old one."""


class _Forward(MetaPathFinder, Loader):
    """Asked first, since a package at its new address would load what lies in it a second time
    under the old name.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """Only for addresses that something of ours had."""
        return spec_from_loader(fullname, self) if fullname in ADDRESSES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module at its new address."""
        module = importlib.import_module(ADDRESSES[spec.name])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run again; the import system has just put the old address into
        ``__spec__``.
        """
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def forward_old_addresses() -> None:
    """Let old addresses be found; called by the package itself."""
    if not any(isinstance(finder, _Forward) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Forward())
