"""The weight Gram matrix and feature learning (arXiv:2605.06258): weight steps, chains, features,
readouts, decoders.
"""
