"""Which parts of a comparison are identities between rational functions, and of which degree: by
relation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import singledispatch
from typing import Any

import numpy as np

from theorems.impl.numbers.tracked import Tracked, cleared
from theorems.relations import Comparison
from theorems.relations.minimum import MinimiserHasRank, Minimises
from theorems.relations.ranks import RankIs, Within


@singledispatch
def identities(relation: object, observed: Any, predicted: Any) -> dict[str, int]:
    """Degree bound of every part of two tracked sides that is a polynomial identity; nothing for
    relations that are none.
    """
    del relation, observed, predicted
    return {}


@identities.register
def _comparison(relation: Comparison, observed: Any, predicted: Any) -> dict[str, int]:
    left, right = _named(observed), _named(predicted)
    return {
        part: _degree(np.asarray(left[part] - right[part], dtype=object).flat)
        for part in left
        if relation.signs.get(part, relation.sign) == "="
    }


@identities.register
def _rank(relation: RankIs, observed: Any, predicted: Any) -> dict[str, int]:
    """Rank at most k says that all minors of size k + 1 vanish: rows cleared of denominators, the k
    + 1 largest degrees add up.
    """
    del relation
    matrices, ranks = _named(observed), _named(predicted)
    found = {}
    for part, matrix in matrices.items():
        if isinstance(matrix, Within):
            continue
        size = int(ranks[part]) + 1
        flat = matrix.reshape(-1, *matrix.shape[-2:])
        tops = [sorted((max(cleared(row)[0]) for row in one), reverse=True) for one in flat]
        found[part] = (
            max((sum(top[:size]) for top in tops), default=0)
            if size <= min(matrix.shape[-2:])
            else 0
        )
    return found


@identities.register
def _minimum(relation: Minimises, observed: Any, predicted: Any) -> dict[str, int]:
    del relation
    return {"gradient vanishes on K": _degree((observed(predicted) @ predicted).flat)}


@identities.register
def _minimiser(relation: MinimiserHasRank, observed: Any, predicted: Any) -> dict[str, int]:
    found = _minimum(Minimises(relation.certify), observed, predicted.kernel)
    return found | {"rank": _rank(RankIs(), predicted.kernel, predicted.rank)[""]}


def _named(side: Any) -> Mapping[str, Any]:
    return side if isinstance(side, Mapping) else {"": side}


def _degree(entries: Iterable[Any]) -> int:
    return max((value.degree for value in entries if isinstance(value, Tracked)), default=0)
