"""Searching hard: falsify a claim, plant errors in it, audit its bounds."""
