"""The loss of a network along lines through its parameters and activations: what autograd's
gradient is compared with.
"""
