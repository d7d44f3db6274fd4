"""Conjectures in one line each, for the files beside this one."""

from theorems import at_most, compares, equals
from theorems.stating import rank_is

HOWS = {
    "=": equals,
    "<=": at_most,
    ">=": lambda **options: compares(">=", **options),
    ">": lambda **options: compares(">", **options),
    "rank": rank_is,
}


def stated(name, statement, kind, on, sign, observed, predicted, **options):
    """The conjecture that ``observed`` is (=, <=, >=, >, of a rank at most) ``predicted`` on
    instances of a kind.
    """

    def predict(it):
        return {"": predicted(it)} if sign == "rank" else predicted(it)

    def observe(it):
        return {"": observed(it)} if sign == "rank" else observed(it)

    predict.__name__, predict.__doc__ = name, statement
    predict.__annotations__ = {"it": kind}
    return HOWS[sign](observed=observe, on=on, **options)(predict)
