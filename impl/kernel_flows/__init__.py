"""Task-driven kernel flows (arXiv:2601.00276): points, ends, decayed matrices, minibatch noise,
spectra.
"""
