"""Projections on balls; see `impl.rounded_matrices`, where they are."""

from theorems.impl.rounded_matrices import _TINY, _norm, _smallest_singular_value, has_full_column_rank, rank_in_doubt

__all__ = ["_TINY", "_norm", "_smallest_singular_value", "has_full_column_rank", "rank_in_doubt"]
