"""A property of balanced chains, claimed of others."""

from impl import LinearChain, Operand
from impl.strategies.grams import unbalanced_chains
from theorems import equals


def observed(chain: LinearChain) -> Operand:
    return {f"{i}": b.mT @ b for i, (a, b) in enumerate(zip(chain.weights, chain.weights[1:]))}


@equals(observed=observed, on=unbalanced_chains)
def every_chain_is_balanced(chain: LinearChain) -> Operand:
    """W_{l+1}ᵀW_{l+1} = W_l W_lᵀ for every deep linear network."""
    return {f"{i}": a @ a.mT for i, (a, b) in enumerate(zip(chain.weights, chain.weights[1:]))}
