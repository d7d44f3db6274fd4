"""What trains the networks of the experiments and makes their data: many seeds at once, stacked
along the first axis.
"""
