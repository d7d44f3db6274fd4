"""The report: one self-contained HTML page made of an evidence file and nothing else."""

from theorems.report.page import Picture, render, require_packages

__all__ = ["Picture", "render", "require_packages"]
