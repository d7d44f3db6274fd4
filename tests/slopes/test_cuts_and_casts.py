"""The gradient check on what is rounded, cut off, not trained or changed on the way; each kind with
a right network and a wrong one.
"""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from tests.foreign.common import Net, Reversible
from tests.foreign.untouched import assert_same, snapshot
from theorems import Outcome
from theorems.own.models import check_model
from theorems.own.preconditions import autograd_gives_the_gradient
from theorems.preconditioning.sufficiency import (
    gram_sufficiency_at_inference,
    gram_sufficiency_in_training,
)

H, R, U = Outcome.HOLDS, Outcome.REFUTED, Outcome.UNDECIDED
N = 24
LABELS = torch.arange(N) % 3


def numbers(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def seen(
    model,
    inputs=None,
    targets=LABELS,
    loss=functional.cross_entropy,
    claims=(autograd_gives_the_gradient,),
    **options,
):
    inputs = numbers(N, 6) if inputs is None else inputs
    before = snapshot(model)
    results = check_model(model, inputs, targets, loss, claims=claims, **options)
    assert_same(before, snapshot(model))
    return {
        f"{r.claim.name[:4]} {r.where}" if len(claims) > 1 else r.where: r.verdict for r in results
    }


def mlp(out=3, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12), nn.Tanh(), nn.Linear(12, out)
    )


def doubled(model, factor=2.0):
    """A wrong gradient at the last weight, which every row must see."""
    list(model.parameters())[-2].register_hook(lambda grad: factor * grad)
    return model


def holds(model, **options):
    verdicts = seen(model, **options)
    assert {v.outcome for v in verdicts.values()} == {H}, verdicts
    return " ".join(str(v.context.get("note", "")) for v in verdicts.values())


def refuted(model, **options):
    verdicts = seen(model, **options)
    assert verdicts["all parameters"].outcome is R, verdicts
    return verdicts


# -- what is rounded -------------------------------------------------------------------------------

ROUNDED = {
    "targets": (
        1,
        lambda o, y: functional.binary_cross_entropy_with_logits(o.squeeze(1), (y % 2).float()),
    ),
    "logits": (3, lambda o, y: functional.cross_entropy(o.float(), y)),
    "half": (3, lambda o, y: functional.cross_entropy(o.half().float(), y)),
    "dtype": (
        3,
        lambda o, y: functional.nll_loss(functional.log_softmax(o, -1, dtype=torch.float32), y),
    ),
    "made inside": (3, lambda o, y: functional.cross_entropy(o * torch.tensor([1.0, 2.0, 3.0]), y)),
    "to": (
        3,
        lambda o, y: functional.mse_loss(o.to(torch.bfloat16), numbers(N, 3).to(torch.bfloat16)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("what", ROUNDED)
def test_what_is_rounded_on_the_way_is_no_contradiction(what, dtype):
    out, loss = ROUNDED[what]
    for seed in range(4):
        holds(mlp(out, seed).to(dtype), inputs=numbers(N, 6).to(dtype), loss=loss)
    refuted(doubled(mlp(out).to(dtype), 1.01), inputs=numbers(N, 6).to(dtype), loss=loss)


@pytest.mark.slow
def test_rounding_that_no_mode_sees_widens_the_bound():
    """Numbers that pass through numpy in float32 inside an autograd function: a plateau at small
    steps, a slope at large ones.
    """

    class Narrow(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return torch.from_numpy(x.detach().numpy().astype("float32")).to(x.dtype)

        @staticmethod
        def backward(ctx, grad):
            return grad

    def loss(o, y):
        return functional.cross_entropy(Narrow.apply(o), y)

    for seed in range(6):
        assert {v.outcome for v in seen(mlp(seed=seed), loss=loss).values()} <= {H, U}
    wrong = [
        seen(doubled(mlp(seed=seed), -1.0), loss=loss)["all parameters"].outcome
        for seed in range(4)
    ]
    assert R in wrong
    assert H not in wrong


def test_double_means_the_tensors_that_a_network_makes_itself_too():
    formats = []

    def forward(net, x):
        made = torch.zeros(3) + net.fc(x).float() * torch.ones(3, dtype=torch.float32)
        formats.append(made.dtype)
        return made

    seen(Net(forward, fc=nn.Linear(6, 3)), double=True)
    assert set(formats) == {torch.float64}
    assert torch.get_default_dtype() is torch.float32


# -- what is cut off -------------------------------------------------------------------------------


def logged(o, y):
    with torch.no_grad():
        _ = (o.argmax(1) == y).float().mean(), o.norm().item()
    return functional.cross_entropy(o, y)


@pytest.mark.slow
def test_what_is_logged_hides_nothing():
    assert "without any effect on the loss: no_grad in logged (test_cuts_and_casts.py:" in holds(
        mlp(), loss=logged
    )
    assert refuted(doubled(mlp()), loss=logged)["parameters of 4"].outcome is R


class Momentum(nn.Module):
    """A momentum encoder with a queue: it writes a parameter and a buffer in every forward pass."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.key, self.query = nn.Linear(6, 8).requires_grad_(False), nn.Linear(6, 8)
        self.register_buffer("queue", torch.randn(8, 10))

    def forward(self, x):
        q = functional.normalize(self.query(x), dim=1)
        with torch.no_grad():
            for mine, other in zip(self.key.parameters(), self.query.parameters(), strict=True):
                mine.data = 0.9 * mine.data + 0.1 * other.data
            k = functional.normalize(self.key(x), dim=1)
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.clone().detach()], 1)
        self.queue[:, :3] = k[:3].mT
        return logits


def through(layer, act, **options):
    torch.manual_seed(0)
    return Net(lambda s, x: s.last(act(s.first(x))), first=layer, last=nn.Linear(8, 3), **options)


def embedding(**options):
    torch.manual_seed(0)
    layer = nn.Embedding(10, 8, **options)
    with torch.no_grad():
        layer.weight.normal_()
    return through(layer, lambda h: torch.tanh(h).mean(1))


def normalised(layer):
    def forward(net, x):
        net.first.weight.data.div_(net.first.weight.data.norm(dim=1, keepdim=True))
        return net.last(torch.tanh(net.first(x)))

    torch.manual_seed(0)
    return Net(forward, first=layer, last=nn.Linear(8, 3))


def assigned(assign):
    """Another forward pass that begins with ``.data =``."""

    def forward(net, x):
        assign(net, x)
        return net.last(torch.tanh(net.first(x)) * torch.tanh(net.other(x)))

    torch.manual_seed(0)
    return Net(
        forward,
        first=nn.Linear(6, 8),
        other=nn.Linear(6, 8).requires_grad_(False),
        last=nn.Linear(8, 3),
    )


def scales_its_weight(net, x):
    net.first.weight.data = (
        3 * net.first.weight.data / net.first.weight.data.norm(dim=1, keepdim=True)
    )


def copies_its_weight(net, x):
    net.other.weight.data = net.first.weight.data


def keeps_a_mean(net, x):
    net.other.bias.data = net.first(x).mean(0)


CUTS = {
    "assigned": (lambda: assigned(scales_its_weight), ".data = in scales_its_weight"),
    "assigned from another": (lambda: assigned(copies_its_weight), ".data in copies_its_weight"),
    "assigned from an activation": (lambda: assigned(keeps_a_mean), ".data = in keeps_a_mean"),
    "detach": (lambda: through(nn.Linear(6, 8), lambda h: h / h.std().detach()), "detach in"),
    "item": (lambda: through(nn.Linear(6, 8), lambda h: h / h.norm().item()), "item in"),
    "float": (
        lambda: through(nn.Linear(6, 8), lambda h: h / float(h.detach().norm())),
        "detach in",
    ),
    "gumbel": (
        lambda: through(nn.Linear(6, 8), lambda h: functional.gumbel_softmax(h, hard=True)),
        "inside gumbel_softmax",
    ),
    "straight through": (
        lambda: through(nn.Linear(6, 8), lambda h: h + (h.round() - h).detach()),
        "detach in",
    ),
    "written": (lambda: normalised(nn.Linear(6, 8)), ".data in forward"),
    "padding": (lambda: embedding(padding_idx=0), "padding_idx"),
    "by frequency": (lambda: embedding(scale_grad_by_freq=True), "scale_grad_by_freq"),
    "renormed": (lambda: embedding(max_norm=1.0), "embedding_renorm"),
    "sparse": (lambda: embedding(sparse=True), ""),
    "momentum": (Momentum, ".data in forward"),
}


@pytest.mark.slow
@pytest.mark.parametrize("cut", CUTS)
def test_what_is_cut_off_is_held_and_named_and_hides_nothing(cut):
    make, said = CUTS[cut]
    words = torch.arange(N * 4).reshape(N, 4) % 7 * (torch.arange(4) < 3)
    inputs = words if isinstance(getattr(make(), "first", None), nn.Embedding) else None
    labels = torch.zeros(N, dtype=torch.long) if cut == "momentum" else LABELS
    assert said in holds(make(), inputs=inputs, targets=labels)
    model = make()
    model.last.weight.register_hook(
        lambda g: 1.01 * g
    ) if cut != "momentum" else model.query.weight.register_hook(lambda g: 1.01 * g)
    refuted(model, inputs=inputs, targets=labels)


def test_a_cut_inside_a_custom_function_is_its_own_business():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            with torch.no_grad():
                return x.detach() * x.data

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.saved_tensors[0] * grad

    assert holds(through(nn.Linear(6, 8), Square.apply)) == ""


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated", "ignore::DeprecationWarning")
def test_a_cut_that_cannot_be_held_leaves_the_row_in_the_table():
    class Script(nn.Module):
        def forward(self, x):
            return x / x.std().detach()

    model = nn.Sequential(nn.Linear(6, 8), torch.jit.script(Script()), nn.Linear(8, 3))
    results = check_model(
        model, numbers(N, 6), LABELS, functional.cross_entropy, claims=[autograd_gives_the_gradient]
    )
    assert results[0].verdict.outcome is Outcome.INAPPLICABLE
    assert "detach in the scripted '1'" in results[0].verdict.context["reason"]


class Counting(nn.Module):
    """Its forward pass depends on how often it ran."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last, self.count = nn.Linear(6, 8), nn.Linear(8, 3), 0
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.count += 1
        self.calls += 1
        return self.last(torch.tanh(self.first(x)) / (self.count + self.calls))


def test_a_network_that_counts_its_calls_is_at_the_same_count_everywhere():
    claims = (
        autograd_gives_the_gradient,
        gram_sufficiency_in_training,
        gram_sufficiency_at_inference,
    )
    assert {
        v.outcome for v in seen(Counting().double(), numbers(N, 6).double(), claims=claims).values()
    } == {H}


@pytest.mark.slow
@pytest.mark.parametrize(("factor", "outcome"), [(1.0, H), (1.01, R), (-1.0, R), (0.0, R)])
def test_layers_that_a_backward_pass_trains_by_itself_are_looked_at(factor, outcome):
    torch.manual_seed(0)
    model = Net(
        lambda s, x: s.c(Reversible.apply(s.a(x), [s.b])),
        a=nn.Linear(6, 8),
        b=nn.Linear(8, 8),
        c=nn.Linear(8, 3),
    )
    model.b.weight.register_hook(lambda grad: factor * grad)
    verdicts = seen(model)
    assert verdicts["all parameters"].outcome is outcome
    assert {where for where, v in verdicts.items() if v.outcome is R} <= {
        "all parameters",
        "parameters of b",
    }


# -- what is not trained, or hardly ----------------------------------------------------------------


def test_what_was_not_looked_at_is_said():
    spare = mlp()
    spare.register_parameter("spare", nn.Parameter(numbers(2)))
    assert "the loss does not reach spare: not looked at" in holds(spare)
    hooked = mlp()
    hooked[0].weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(3))
    assert "hooks after accumulation, on 1 parameters, did not run" in holds(hooked)


class Flipped(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return -grad


@pytest.mark.slow
@pytest.mark.parametrize("depth", [5, 20, 40])
def test_a_gradient_of_which_little_is_left_is_seen_or_named(depth):
    torch.manual_seed(depth)
    blocks = nn.Sequential(*(nn.Sequential(nn.Linear(16, 16), nn.Tanh()) for _ in range(depth)))
    model = Net(
        lambda s, i: s.o(s.b(Flipped.apply(s.e(i).mean(1)))),
        e=nn.Embedding(10, 16),
        b=blocks,
        o=nn.Linear(16, 3),
    )
    verdicts = seen(model, torch.arange(N * 5).reshape(N, 5) % 10)
    named = {where: v.outcome for where, v in verdicts.items() if "parameters of e" in where}
    assert named, verdicts
    assert set(named.values()) == ({R} if depth < 30 else {U})
    if depth < 30:
        assert "between e and b" in verdicts["all parameters"].context["where"]


# -- public reports, in the words of the row -------------------------------------------------------


def said(model, **options):
    return refuted(model, **options)["all parameters"].context.get("where", "")


@pytest.mark.slow
def test_a_checkpoint_that_draws_its_dropout_again():
    block = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Tanh())
    model = through(
        nn.Linear(6, 8),
        lambda h: checkpoint(block, h, use_reentrant=False, preserve_rng_state=False),
    )
    model.block = block
    assert "backward pass of block" in said(model) or "block" in said(model)


@pytest.mark.slow
def test_a_hook_that_scales():
    model = mlp()
    model[2].register_full_backward_hook(lambda _m, grads, _o: tuple(0.5 * g for g in grads))
    assert "backward pass of 2, or in a hook on it" in said(model)


def test_a_surrogate_gradient():
    class Sign(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.sign() + 0.1 * x

        @staticmethod
        def backward(ctx, grad):
            return grad

    class Signed(nn.Module):
        def forward(self, x):
            return Sign.apply(x)

    words = said(nn.Sequential(nn.Linear(6, 8), Signed(), nn.Linear(8, 3)))
    assert "backward pass of 1" in words
    assert "a surrogate on purpose" in words


def test_a_loss_that_broadcasts():
    with pytest.raises(
        ValueError,
        match=r"expected targets of shape \(N, C\) = \(24, 1\), got \(24,\): the loss would "
        r"broadcast",
    ):
        check_model(mlp(1), numbers(N, 6), numbers(N), lambda o, t: ((o - t) ** 2).mean())


def test_a_buffer_that_two_layers_share_and_overwrite():
    """The second call overwrites what the first one saved for its backward pass, out of autograd's
    sight.
    """

    class Shared(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, buffer):
            buffer.copy_(x)
            ctx.buffer = buffer
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return 2 * ctx.buffer * grad, None

    buffer = torch.zeros(N, 8, dtype=torch.float64)
    act = lambda h: Shared.apply(h, buffer)  # noqa: E731
    model = Net(
        lambda s, x: s.c(act(s.b(act(s.a(x))))),
        a=nn.Linear(6, 8),
        b=nn.Linear(8, 8),
        c=nn.Linear(8, 3),
    )
    assert "it goes wrong between a and b, where what a returns is used" in said(model)


def test_nan_through_where():
    model = through(nn.Linear(6, 8), lambda h: torch.where(h > 0, h.sqrt(), torch.zeros_like(h)))
    verdict = refuted(model)["all parameters"]
    assert (
        "autograd's gradient of first is NaN or infinite at a point where the loss is finite"
        in verdict.context["reason"]
    )
    assert "torch.where" in verdict.context["reason"]


def test_equal_singular_values():
    model = nn.Linear(4, 4, bias=False).double()
    nn.init.eye_(model.weight)

    def loss(o, _):
        u, s, v = torch.linalg.svd(model.weight + 0 * o.sum())
        return (
            (u * s)
            @ v.mT
            @ torch.ones(4, dtype=torch.float64)
            @ torch.arange(4.0, dtype=torch.float64)
        )

    (verdict,) = seen(model, torch.eye(4, dtype=torch.float64), None, loss).values()
    assert verdict.outcome is not H
    assert "NaN or infinite" in verdict.context["reason"]


def _backend(factor):
    from functorch.compile import make_boxed_func
    from torch._dynamo.backends.common import aot_autograd

    def backward(graph, _):
        return make_boxed_func(
            lambda *args: [None if g is None else factor * g for g in graph(*args)]
        )

    return aot_autograd(
        fw_compiler=lambda graph, _: make_boxed_func(graph.forward), bw_compiler=backward
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.0, H), (1.5, Outcome.REFUTED), (1.01, Outcome.REFUTED)]
)
def test_the_gradient_of_a_compiled_graph_is_compared(factor, outcome, dtype):
    torch._dynamo.reset()
    model = torch.compile(
        nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype),
        backend=_backend(factor),
    )
    found = check_model(
        model,
        numbers(8, 5).to(dtype),
        torch.arange(8) % 3,
        functional.cross_entropy,
        claims=[autograd_gives_the_gradient],
    )
    rows = {r.where: r.verdict.outcome for r in found}
    assert rows == {"all parameters": H, "compiled graph": outcome}


@pytest.mark.filterwarnings("ignore")
def test_a_compiler_that_fails_is_said():
    def none(*_):
        raise RuntimeError("no compiler here")

    torch._dynamo.reset()
    assert "no compiler here" in holds(torch.compile(mlp(), backend=none))
