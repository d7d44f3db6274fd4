"""Sweeps: very many independent instances of a claim, in units that any number of machines can take
over and that are never counted twice.
"""
