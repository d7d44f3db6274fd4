"""One large gradient step and the function space (arXiv:2605.17718): steps, spikes, kernels,
quadrature.
"""
