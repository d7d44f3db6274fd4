"""Generic instances: entries drawn from a set of 2^61 values, everything else made of them exactly.

A polynomial identity that holds at one such point is false with probability at most its degree over
2^61 (Schwartz and Zippel). Every constructor draws an instance on which the hypotheses of the
catalogue's claims hold *by construction*, as generally as is known here: gradients by exact
differentiation of the network's own forward code, for an arbitrary gradient at the outputs (any
loss). Which instances they are, and which claims they are a point of, is in
`impl.generic.families`.
"""

from theorems.impl.generic.source import SET_SIZE, Source

__all__ = ["SET_SIZE", "Source"]
