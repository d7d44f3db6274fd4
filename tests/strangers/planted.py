"""Bugs that are planted in a network at a module drawn by lot."""

import torch

from impl.networks.running import run, undisturbed


def _moved(parameter):
    return (
        parameter is not None
        and parameter.grad is not None
        and bool(parameter.grad.to_dense().any())
    )


def owners(model):
    """Modules with trained parameters of their own, by name; those that share a parameter stand
    under the first name.
    """
    found, known = {}, set()
    for name, module in model.named_modules():
        mine = [
            p
            for p in module._parameters.values()
            if p is not None and p.requires_grad and id(p) not in known
        ]
        known |= {id(p) for p in mine}
        if mine:
            found[name] = module
    return found


BUGS = {
    "factor 2": lambda gradient: 2 * gradient,
    "1 %": lambda gradient: 1.01 * gradient,
    "sign": lambda gradient: -gradient,
    "zeroed": torch.zeros_like,
}


def plant(case, bug, seed):
    """Let the parameters of a module get a wrong gradient, one that the loss moves at all; the
    module's name.
    """
    model = case.model
    with undisturbed(model, 0):
        case.loss(run(model, case.inputs), case.targets).backward()
    among = {
        name: module
        for name, module in owners(model).items()
        if any(map(_moved, module._parameters.values()))
    }
    model.zero_grad()
    drawn = int(torch.randint(len(among), (), generator=torch.Generator().manual_seed(seed)))
    name = list(among)[drawn]
    for parameter in among[name]._parameters.values():
        if parameter is not None and parameter.requires_grad:
            parameter.register_hook(BUGS[bug])
    return name or type(model).__name__
