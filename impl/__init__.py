"""What the theorems talk about: networks, batches, traces, fields, kernels. Knows nothing of any
claim.

No module bears the name of something it exports: importing the module would hide the function.
"""

import lazy_loader

if __name__ == "impl":
    from theorems.alias import give_impl

    give_impl()
else:
    __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
