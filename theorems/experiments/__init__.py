"""What the papers say of trained networks, as claims: arms, replicates over seeds, a test with a
false-alarm probability, mutants.

`EXPERIMENTS` is the table of contents; ``theorems experiment`` runs them, and nothing else does:
``theorems check`` trains nothing.
"""

from theorems.experiments import (
    feature_learning,
    function_space,
    gram_hierarchy,
    grokking,
    interpolation,
    kernel_flow,
    kernel_noise,
    preconditioning,
    tables,
)

EXPERIMENTS = (
    # arXiv:2601.00276, task-driven kernel flows
    *kernel_flow.EXPERIMENTS,
    *kernel_noise.EXPERIMENTS,
    *tables.KERNELS,
    # arXiv:2509.25637, preconditioned feature learning
    *preconditioning.EXPERIMENTS,
    # arXiv:2605.17718, one large gradient step
    *function_space.EXPERIMENTS,
    # arXiv:2605.06258, the weight Gram matrix
    *feature_learning.EXPERIMENTS,
    *grokking.EXPERIMENTS,
    *interpolation.EXPERIMENTS,
    *tables.FEATURES,
    # arXiv:2606.09744, fields on the training set
    *gram_hierarchy.EXPERIMENTS,
)

__all__ = ["EXPERIMENTS"]
