"""Tensors read twice, weights read twice, heads, experts, and all that stands between linear
layers.
"""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from tests.foreign.common import F64, Case, D, H, I, N, Net, case, data, lin, looped, two

# -- one tensor read twice, one weight read twice --------------------------------------------------


def skip():
    return case(Net(lambda s, x: x + s.a(torch.relu(s.b(x))), a=lin(), b=lin()), a=H, b=H)


def skip_in_place():
    def forward(net, x):
        x = net.a(x)
        x += net.b(torch.tanh(x))
        return net.c(x)

    return case(Net(forward, a=lin(), b=lin(), c=lin(bias=False)), a=H, b=H, c=H)


def skip_in_place_over_a_frozen_layer():
    def forward(net, x):
        x = x * 1
        x += net.a(x)
        return net.b(x)

    return case(Net(forward, a=lin().requires_grad_(False), b=lin()), a=H, b=H)


def skip_in_place_over_a_frozen_layer_inside():
    """What the frozen layer reads comes from a trained one, and is overwritten afterwards."""

    def forward(net, x):
        x = net.a(x)
        x += net.b(x)
        return net.c(x)

    return case(Net(forward, a=lin(), b=lin().requires_grad_(False), c=lin()), a=H, b=H, c=H)


def tied_modules():
    first, second = lin(), lin()
    second.weight = first.weight
    return two(first, second)


def tied_functionally(layer=None):
    return case(
        Net(lambda s, x: functional.linear(torch.relu(s.fc(x)), s.fc.weight.T), fc=layer or lin()),
        fc=H,
        fc_weight=H,
    )


def tied_functionally_under_weight_norm():
    return tied_functionally(parametrizations.weight_norm(lin()))


def tied_embedding():
    embed, head = nn.Embedding(7, D), nn.Linear(D, 7, bias=False)
    head.weight = embed.weight
    tokens = torch.arange(12).reshape(4, 3) % 7
    model = nn.Sequential(embed, lin(), nn.ReLU(), head).double()
    answers = {"1": H, "3": H}
    return Case(
        model,
        tokens,
        tokens.flatten(),
        lambda o, t: functional.cross_entropy(o.flatten(0, 1), t),
        answers,
    )


def loop():
    return case(looped(lin()), fc=H)


def recurrent():
    def forward(net, x):
        h = torch.zeros(len(x), D, dtype=F64)
        for t in range(x.shape[1]):
            h = torch.tanh(net.i(x[:, t]) + net.h(h))
        return net.o(h)

    return case(Net(forward, i=lin(3), h=lin(), o=lin()), data(N, 3, 3), i=H, h=H, o=H)


def heads_in_a_tuple():
    model = Net(
        lambda s, x: tuple(head(torch.relu(s.f(x))) for head in (s.a, s.b)),
        f=lin(),
        a=lin(D, 2),
        b=lin(D, 3),
    )
    return case(
        model, targets=(data(N, 2), data(N, 3)), f=H, a=H, b=H,
        loss=lambda o, t: functional.mse_loss(o[0], t[0]) + functional.mse_loss(o[1], t[1]),
    )  # fmt: skip


def heads_in_a_dict():
    def forward(net, x):
        h = torch.relu(net.f(x))
        return {"y": net.a(h), "c": net.b(h)}

    model = Net(forward, f=lin(), a=lin(), b=lin(D, 3))
    return case(
        model,
        targets={"y": data(N, D), "c": torch.arange(N) % 3},
        f=H,
        a=H,
        b=H,
        loss=lambda o, t: (
            functional.mse_loss(o["y"], t["y"]) + functional.cross_entropy(o["c"], t["c"])
        ),
    )


def experts_some_without_rows():
    def forward(net, x):
        out = torch.zeros_like(x)
        for i, expert in enumerate((net.a, net.b, net.c)):
            rows = torch.arange(len(x))[i :: 3 if i < 2 else len(x) * 9][: 9 if i < 2 else 0]
            out = out.index_add(0, rows, expert(x[rows]))
        return out

    return case(Net(forward, a=lin(), b=lin(), c=lin()), a=H, b=H, c=I)


# -- layers between --------------------------------------------------------------------------------


def batch_norm():
    return two(lin(), between=nn.Sequential(nn.BatchNorm1d(D, dtype=F64), nn.ReLU()))


def dropout():
    return two(lin(), between=nn.Dropout(0.5))


def layer_norm():
    return two(lin(), between=nn.LayerNorm(D, dtype=F64))


def relu_in_place():
    return two(lin(), between=nn.ReLU(inplace=True))


def relu_in_place_first():
    model = nn.Sequential(nn.ReLU(inplace=True), lin())
    return Case(model, data(N, D), data(N, D, seed=1), functional.mse_loss, {"1": H})


def attention():
    def forward(net, x):
        return net.o(net.att(net.q(x), x, x)[0])

    model = Net(
        forward, att=nn.MultiheadAttention(D, 2, batch_first=True), q=lin(), o=lin()
    ).double()
    found = case(model, data(3, 5, D), (3, 5, D), att_out__proj_weight=H, q=H, o=H)
    return found._replace(
        answers=found.answers | {f"att.in_proj_weight[{part}]": H for part in ("0:4", "4:12")}
    )


def attention_alone():
    model = Net(
        lambda s, x: s.att(x, x, x)[0], att=nn.MultiheadAttention(D, 2, batch_first=True)
    ).double()
    return case(model, data(3, 5, D), (3, 5, D), att_out__proj_weight=H, att_in__proj__weight=H)


def encoder(*, train, frozen):
    model = nn.TransformerEncoderLayer(D, 2, 8, batch_first=True).double().train(train)
    if frozen:
        model.requires_grad_(False)
    packed = (
        {"self__attn_out__proj": I}
        if frozen
        else dict.fromkeys(("self__attn_out__proj_weight", "self__attn_in__proj__weight"), H)
    )
    return case(model, data(3, 5, D), (3, 5, D), linear1=H, linear2=H, **packed)


def encoder_in_training():
    return encoder(train=True, frozen=False)


def encoder_frozen_for_inference():
    return encoder(train=False, frozen=True)


def mask_of_minus_infinity():
    def forward(net, x, mask):
        return net.b((net.a(x) @ x.mT + mask).softmax(-1) @ x)

    mask = torch.triu(torch.full((3, 3), -torch.inf, dtype=F64), 1)
    return case(Net(forward, a=lin(), b=lin()), (data(2, 3, D), mask), (2, 3, D), a=H, b=H)
