"""What the theorems talk about: networks, batches, traces, fields, kernels. Knows nothing of any claim."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
