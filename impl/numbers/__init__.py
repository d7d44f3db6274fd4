"""The kinds of number a formula runs on: floats with a proved bound on their rounding, balls, exact
and dual numbers, degrees.
"""
