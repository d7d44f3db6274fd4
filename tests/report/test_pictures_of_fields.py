"""What the pictures of the weight Gram matrix and of the fields on the training set show, read off
the figures that are drawn.
"""

import numpy as np
import pytest

from theorems.gram_hierarchy import backward_pullback_recursion, forward_pushforward_recursion
from theorems.pictures import PICTURES, feature_learning, gram_hierarchy
from theorems.pictures.style import RED
from theorems.statements import first_paragraph

mpl = pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")


def drawn(axis, label):
    """(x, y) of the one line of that label."""
    (line,) = [line for line in axis.get_lines() if line.get_label() == label]
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def slope(x, y):
    return np.polyfit(np.log(x), np.log(y), 1)[0]


@pytest.fixture(scope="module")
def figures():
    made = {}

    def figure(name):
        if name not in made:
            made[name] = PICTURES[name](0)
        return made[name]

    return figure


NAMES = (
    "target-linearity",
    "virtual-covariance",
    "collapse",
    "recursion-residuals",
    "kernel-cut",
    "gram-flow",
)


def test_names_and_captions():
    assert (*feature_learning.PICTURES, *gram_hierarchy.PICTURES) == NAMES
    for name in NAMES:
        caption = first_paragraph(PICTURES[name].__doc__)
        assert caption.endswith(".")
        assert len(caption) > 60


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_every_axis_is_named_and_no_legend_covers_data(name, figures, tmp_path):
    figure = figures(name)
    figure.savefig(tmp_path / "picture.svg")
    assert all(axis.get_xlabel() and axis.get_title(loc="left") for axis in figure.axes)
    assert figure.axes[0].get_ylabel()
    legends = [
        *figure.legends,
        *(axis.get_legend() for axis in figure.axes if axis.get_legend() is not None),
    ]
    assert legends
    boxes = [legend.get_window_extent() for legend in legends]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(axis.get_window_extent()) for axis in figure.axes)
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])
        assert box.x0 > -1
        assert box.x1 < figure.bbox.x1 + 1


def test_linear_maps_never_raise_target_linearity_and_training_does(figures):
    axis = figures("target-linearity").axes[0]
    start, end = (drawn(axis, label)[1] for label in ("at the start", "400 steps"))
    for path in (start, end, drawn(axis, "30 steps")[1], drawn(axis, "100 steps")[1]):
        assert (path[1::2] <= path[:-1:2] + 1e-12).all()  # places 0, 2, 4 are read by linear maps
    assert end[-1] > start[-1] + 0.2
    assert (np.diff(end)[1::2] > 0).any()


def test_the_fitted_head_keeps_its_promise_and_random_heads_do_not(figures):
    axis = figures("target-linearity").axes[1]
    rates, seen = drawn(axis, "least-squares head")
    promised = drawn(axis, "promised at least")[1]
    assert (seen >= promised - 1e-12).all()
    assert (promised[rates < 2] > 0).all()
    assert (promised[rates > 2] < 0).all()
    assert seen[0] < 1.1 * promised[0]  # the promise is tight at small rates
    others = [
        line.get_ydata()
        for line in axis.get_lines()
        if line.get_linewidth() == 0.9 and len(line.get_xdata()) > 2
    ]
    assert len(others) == 12
    assert 2 <= sum(path[0] < 0 for path in others) <= 10


def test_the_gram_matrix_follows_the_gradient_through_its_layer_alone(figures):
    axis = figures("virtual-covariance").axes[0]
    rates, seen = drawn(axis, r"$\nabla_H$ through the layer")
    predicted = drawn(axis, r"predicted, $\eta^2(\nabla_W^\top\nabla_W-\nabla_H^\top\nabla_H)$")[1]
    total = drawn(axis, r"total $\nabla_H$, skip included")[1]
    assert seen == pytest.approx(predicted, rel=1e-6)  # rounding of the step, over η = 1e-4
    small = rates < 0.1
    assert slope(rates[small], seen[small]) == pytest.approx(1, abs=0.02)
    assert (total[small] > 1).all()


def test_at_rest_the_gram_matrix_is_the_correlation_under_decay_alone(figures):
    axis = figures("virtual-covariance").axes[1]

    def gap(label):
        correlation, gram = drawn(axis, label)
        return np.linalg.norm(gram - correlation) / np.linalg.norm(gram)

    assert gap(r"trained under decay $\lambda$, near rest") < 0.05
    assert gap(r"trained without, the same $\lambda$ assumed") > 0.9


def test_collapse_is_complete_for_equal_classes_alone(figures):
    left, right = figures("collapse").axes
    dots = [line for line in left.get_lines() if line.get_label().startswith("$K=")]
    lines = [
        line for line in left.get_lines() if line.get_marker() == "None" and line.get_color() != RED
    ]
    assert len(lines) == len({dot.get_marker() for dot in dots}) == len(dots) == 4
    for line, dot in zip(lines, dots, strict=True):
        ratios = dot.get_xdata()
        assert dot.get_ydata() == pytest.approx(
            np.interp(ratios, line.get_xdata(), line.get_ydata()), abs=2e-3
        )
        assert (np.asarray(dot.get_ydata()) == 1).tolist() == (np.asarray(ratios) == 1).tolist()
    spreads, equal = drawn(right, "5 equal classes")
    assert slope(spreads[:10], equal[:10]) == pytest.approx(2, abs=0.01)
    limit = drawn(right, "ends at the closed form")[1][0]
    assert drawn(right, "one 4 times as large")[1][:8] == pytest.approx(limit, rel=1e-3)
    assert limit > 0.1
    assert drawn(right, "complete, yet no collapse: $(H, E)$")[1] < 1e-12


def test_residuals_lie_under_their_bound_and_mutants_far_above(figures):
    axis = figures("recursion-residuals").axes[0]
    lines = axis.get_lines()
    for mark in "os":
        residuals = [line for line in lines if line.get_marker() == mark]
        assert len(residuals) == 3
        for i, residual in enumerate(residuals):  # of each network against its own bound
            (bound,) = (
                np.asarray(line.get_ydata())
                for line in lines
                if line.get_gid() == f"bound {i}" and line.get_color() == residual.get_color()
            )
            assert (residual.get_ydata() <= bound).all()
            assert bound.max() < 1e-9
    for claim in (backward_pullback_recursion, forward_pushforward_recursion):
        depths, gaps = drawn(axis, f"its {len(claim.mutants)} mutants")
        assert (gaps[depths > 1.5] > 1e-2).all()
        assert (gaps[depths < 1.5] > 1e-2).any()


def test_closure_breaks_at_the_depths_that_are_claimed(figures):
    axis = figures("recursion-residuals").axes[1]
    wrong = {"dot z": 2, "dot p": 3}
    for key, depth in wrong.items():
        (line,) = [line for line in axis.get_lines() if key in line.get_label()]
        assert line.get_label().endswith(f"wrong from $L={depth}$")
        depths, gaps = line.get_xdata(), line.get_ydata()
        assert (gaps[depths < depth] < 1e-13).all()
        assert (gaps[depths >= depth] > 1e-2).all()
    assert (drawn(axis, "both, Gram operators kept")[1] < 1e-13).all()


def test_both_halves_of_a_cut_add_up_to_autograd(figures):
    (axis,) = figures("kernel-cut").axes
    tops = {}
    for bar in axis.patches:
        x = round(bar.get_x() + bar.get_width() / 2)
        tops[x] = max(tops.get(x, 0), bar.get_y() + bar.get_height())
        assert bar.get_height() >= -1e-12  # both halves are positive semi-definite
    levels, observed = drawn(axis, "autograd, all layers")
    assert [tops[level] for level in levels] == pytest.approx(observed, rel=1e-10)
    assert (drawn(axis, "both, Gram terms left out")[1] < 0.9).all()


def test_the_gram_flow_errs_by_the_order_of_the_step_and_wrong_flows_by_themselves(figures):
    left, right = figures("gram-flow").axes
    for layer in (1, 2, 3):
        rates, errors = drawn(right, f"layer {layer}")
        assert slope(rates, errors) == pytest.approx(1, abs=0.15)
    wrong = [line.get_ydata() for line in right.get_lines() if line.get_color() == RED]
    assert len(wrong) == 3
    assert all((np.asarray(errors) > 0.5).all() for errors in wrong)
    seen = [line for line in left.get_lines() if len(line.get_xdata()) == 401]
    dots = [line for line in left.get_lines() if line.get_marker() == "o" and len(line.get_xdata())]
    assert len(dots) == 4
    for dot in dots:
        (line,) = [s for s in seen if s.get_color() == dot.get_color() and s.get_linestyle() == "-"]
        assert dot.get_ydata() == pytest.approx(np.asarray(line.get_ydata())[::40], abs=2e-3)
