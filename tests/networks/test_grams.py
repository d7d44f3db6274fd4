"""Which form of a layer's kernel is cheaper: the choice against the multiplications that both forms
really make.
"""

import itertools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from impl.networks import sample_grams as grams
from impl.networks.sample_grams import Rows, Trace, double_gram_pays, full_term


class Multiplications(TorchDispatchMode):
    """Counts those of matrix products, by the shapes of the factors, and those of entry by entry
    products.
    """

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name, out = function.__name__.split(".")[0], function(*args, **(kwargs or {}))
        if name in ("mm", "bmm", "addmm_", "addbmm_"):
            left, right = args[-2:]
            self.count += left.numel() * right.shape[-1]
        elif name in ("mul", "mul_"):
            self.count += out.numel()
        return out


def cost(double, left, right, deltas, *, full, monkeypatch):
    """What one layer's term takes when this form is chosen, and the term."""
    monkeypatch.setattr(grams, "double_gram_pays", lambda *_, **__: double)
    with Multiplications() as made:
        if full:
            term = full_term(left, deltas[0], right, deltas[1])
        else:
            trace = Trace(left, right, len(deltas[0]))
            trace.add(*deltas)
            term = trace.value()
    monkeypatch.undo()
    return made.count, term


SHAPES = [
    (n, m, t, c, d_in, d_out)
    for n, m, t, c, d_in, d_out in itertools.product(
        (1, 7), (None, 3), (1, 2, 5), (1, 3), (1, 4, 10), (1, 2, 7)
    )
    if n * t < 64  # beyond, only blocks of a symmetric product are computed
]


@pytest.mark.parametrize("full", [False, True])
def test_the_form_with_fewer_multiplications_is_taken(full, monkeypatch):
    """Both forms agree, and the one that is said to pay is the one that multiplied less; where both
    multiply as often either will do.
    """
    source, taken = torch.Generator().manual_seed(0), set()
    for n, m, t, c, d_in, d_out in SHAPES:
        draw = lambda *shape: torch.randn(*shape, generator=source, dtype=torch.float64)  # noqa: E731
        left = Rows(draw(n, 1, d_in, t), d_out, bias=False)
        right = left if m is None else Rows(draw(m, 1, d_in, t), d_out, bias=False)
        delta = draw(c, n, 1, d_out, t)
        deltas = delta, delta if m is None else draw(c, m, 1, d_out, t)
        (double, one), (formed, other) = (
            cost(form, left, right, deltas, full=full, monkeypatch=monkeypatch)
            for form in (True, False)
        )
        torch.testing.assert_close(one, other)
        pays = double_gram_pays(left, right, c, full=full)
        assert double == formed or pays is (double < formed), (
            n,
            m,
            t,
            c,
            d_in,
            d_out,
            double,
            formed,
        )
        taken.add(pays)
    assert taken == {True, False}


@pytest.mark.parametrize("full", [False, True])
def test_pieces_of_the_gradients_are_the_largest_that_fit_into_memory(full, monkeypatch):
    samples, groups, outputs, d_in, d_out, rows = 3, 2, 2, 4, 7, 5
    layer = Rows(torch.randn(samples, groups, d_in, rows).double(), d_out, bias=False)
    delta = torch.randn(outputs, samples, groups, d_out, rows).double()
    column = samples * groups * outputs * d_in * 8
    for budget, sizes in (
        (1, [1] * 7),
        (2 * column - 1, [1] * 7),
        (3 * column, [3, 3, 1]),
        (7 * column, [7]),
    ):
        monkeypatch.setattr(grams, "BUDGET", budget)
        pieces = list(grams._formed(layer, delta, full=full))
        assert [piece.numel() * 8 // column for piece in pieces] == sizes
        assert {len(piece) for piece in pieces} == {samples * outputs if full else samples}
    whole = torch.einsum("cngot,ngit->ncgoi", delta, layer.inputs)
    if not full:
        whole = whole.transpose(1, 2)
    torch.testing.assert_close(pieces[0], whole.reshape(len(pieces[0]), -1))


def test_the_double_gram_form_is_left_where_it_does_not_fit_into_memory(monkeypatch):
    """N·T rows by N·T rows of 8 bytes, twice, and C² times that for the full kernel; one row per
    sample is the size of the answer.
    """
    rows = Rows(torch.zeros(4, 1, 1000, 2, dtype=torch.float64), 500, bias=False)
    need = 2 * (4 * 2) ** 2 * 8
    for full, bytes_ in ((False, need), (True, 9 * need)):
        monkeypatch.setattr(grams, "BUDGET", bytes_)
        assert double_gram_pays(rows, rows, 3, full=full)
        monkeypatch.setattr(grams, "BUDGET", bytes_ - 1)
        assert not double_gram_pays(rows, rows, 3, full=full)
    single = Rows(torch.zeros(4, 1, 1000, 1, dtype=torch.float64), 500, bias=False)
    assert double_gram_pays(single, single, 3, full=True)
