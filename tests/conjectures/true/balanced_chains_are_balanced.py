"""What the strategy says of itself."""

from impl import LinearChain, Operand
from impl.strategies.grams import balanced_chains
from theorems import equals


def observed(chain: LinearChain) -> Operand:
    pairs = zip(chain.weights, chain.weights[1:])
    return {f"{i}": b.mT @ b for i, (a, b) in enumerate(pairs)} or {"one layer": chain.inputs * 0}


@equals(observed=observed, on=lambda: balanced_chains(least_depth=2))
def balanced_chains_are_balanced(chain: LinearChain) -> Operand:
    """W_{l+1}ᵀW_{l+1} = W_l W_lᵀ."""
    pairs = zip(chain.weights, chain.weights[1:])
    return {f"{i}": a @ a.mT for i, (a, b) in enumerate(pairs)} or {"one layer": chain.inputs * 0}
