"""Preconditioned feature learning (arXiv:2509.25637): first layers in training, twins, linear
students, Gaussian teachers.
"""
