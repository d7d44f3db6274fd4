"""What a check must leave as it was."""

import torch


def snapshot(model):
    """Everything of a model that a check must not change."""
    modules = list(model.modules())
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "kinds": [type(m) for m in modules],
        "modes": [m.training for m in modules],
        "attributes": [{k: id(v) for k, v in vars(m).items() if k != "training"} for m in modules],
        "buffers": [{k: id(v) for k, v in m._buffers.items()} for m in modules],
        "hooks": [
            list(hooks)
            for m in modules
            for hooks in (
                m._forward_hooks,
                m._forward_pre_hooks,
                m._backward_hooks,
                m._backward_pre_hooks,
            )
        ],
        "values": {
            name: (id(t), t.detach().clone(), t.requires_grad, t.grad)
            for name, t in tensors.items()
        },
        "tensor hooks": {name: list(t._backward_hooks or ()) for name, t in tensors.items()},
        "random state": torch.get_rng_state(),
        "grad mode": torch.is_grad_enabled(),
    }


def assert_same(before, after):
    for key, value in before.items():
        if key == "values":
            assert value.keys() == after[key].keys()
            for name, (identity, numbers, *rest) in value.items():
                assert (identity, *rest) == (after[key][name][0], *after[key][name][2:]), name
                assert torch.equal(numbers, after[key][name][1]), name
        elif key == "random state":
            assert torch.equal(value, after[key])
        else:
            assert value == after[key], key
