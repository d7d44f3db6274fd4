"""What a wheel brings as ``impl.py``: `impl` is `theorems.impl`, unless a package of that name is
found first.
"""

from theorems.alias import give_impl

give_impl()
