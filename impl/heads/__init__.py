"""Parts of networks with what they are trained by: softmax heads with their loss, attention,
normalised layers.
"""
