"""What has to be said before the packages are imported."""

import contextlib
import warnings

import torch


def prepare():
    """Declare what torchvision's Python files name, where its compiled part was built for another
    torch.

    timm, torchmetrics (of Lightning) and transformers import it; none of the networks here runs one
    of its operators.
    """
    warnings.filterwarnings("ignore", message="Failed to load image Python extension")
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in ("nms", "qnms"):
            with contextlib.suppress(RuntimeError):
                torch.library.define(
                    f"torchvision::{name}",
                    "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
                )
