"""The catalogue at somebody's own torch network, and the watch on its training."""
