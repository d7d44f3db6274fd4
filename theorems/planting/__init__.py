"""Single-token errors planted in the source of predictions: would a wrong theorem have been caught?
Nobody picks them by hand.
"""
