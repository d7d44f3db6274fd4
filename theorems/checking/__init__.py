"""What runs a claim: drawing, judging, mutants, generic points, searches, audits, and what they
have seen.
"""
