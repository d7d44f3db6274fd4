"""Fields on the training set (arXiv:2606.09744): gated networks, and the ReLU stacks inside any
network.
"""
