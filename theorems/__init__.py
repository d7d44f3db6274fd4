"""A suite in which every theorem runs: claims about feature learning as executable predictions.

The names are listed in ``__init__.pyi`` and imported on first use, so that ``import theorems``
costs nothing and does not import torch. ``CLAIMS``, the table of contents, is the literal tuple in
`theorems.catalogue`.
"""

import lazy_loader

from theorems.moved import forward_old_addresses

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = "2026.11"

forward_old_addresses()
