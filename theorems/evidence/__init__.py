"""What runs have seen: collected, written to one file, and shown as tables, badges and
summaries.
"""
