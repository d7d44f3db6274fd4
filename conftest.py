"""Hypothesis profiles; nothing clever.

``ci`` (default) is derandomised and quick; ``thorough`` is random and long: ``pytest
--hypothesis-profile=thorough``.
"""

import os

import torch
from hypothesis import HealthCheck, settings

_COMMON = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}

settings.register_profile("ci", max_examples=80, derandomize=True, **_COMMON)
settings.register_profile("thorough", max_examples=2_000, **_COMMON)
# mutants of the source, by the hundred
settings.register_profile("quick", max_examples=20, derandomize=True, **_COMMON)
settings.load_profile("ci")

# two threads stall small tensors in slices of 8 ms; the nightly run tries both
torch.set_num_threads(int(os.environ.get("THEOREMS_THREADS", "1")))
