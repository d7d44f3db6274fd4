"""What claims are checked on: fields that are data, measured or granted, from one kind of number to
another.
"""
