"""What the theorems talk about: networks, batches, traces, fields, kernels. Knows nothing of any claim.

No module bears the name of something it exports: importing the module would hide the function.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
