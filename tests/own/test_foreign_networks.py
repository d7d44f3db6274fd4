"""Networks as strangers write them: each gets the right answer at every layer, and is left as it
was.
"""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations

from impl import trace
from impl.gram_hierarchy.relu_stacks import stacks
from tests.foreign import formats, gradients, impostors, wiring
from tests.foreign.common import F64, D, H, I, N, Net, R, data, lin, plain, two
from tests.foreign.impostors import (
    Convolved,
    ConvolvedFlipped,
    ConvolvedShifted,
    ConvolvedWeightOff,
    DoubledInputGradient,
    DoubledWeightGradient,
    NearlyRight,
    NoInputGradient,
    Product,
    TransposedInputGradient,
    TransposedWeightGradient,
    linear_by,
)
from tests.foreign.untouched import assert_same, snapshot
from theorems.feature_learning.layer_identities import (
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    stationary_gram_is_feature_correlation,
)
from theorems.feature_learning.target_linearity import target_linearity_laws
from theorems.gram_hierarchy.recursions import layerwise_kernel
from theorems.own.models import check_model
from theorems.verdict import Outcome

U = Outcome.UNDECIDED
LAYER_CLAIMS = [
    feature_learning_equation,
    gram_flow,
    gram_follows_virtual_covariance,
    stationary_gram_is_feature_correlation,
]

NETWORKS = [
    *(
        pytest.param(make, (), id=make.__name__)
        for make in (
            wiring.skip,
            wiring.skip_in_place,
            wiring.skip_in_place_over_a_frozen_layer,
            wiring.skip_in_place_over_a_frozen_layer_inside,
            wiring.tied_modules,
            wiring.tied_functionally,
            wiring.tied_functionally_under_weight_norm,
            wiring.tied_embedding,
            wiring.loop,
            wiring.recurrent,
            wiring.heads_in_a_tuple,
            wiring.heads_in_a_dict,
            wiring.experts_some_without_rows,
            wiring.batch_norm,
            wiring.dropout,
            wiring.layer_norm,
            wiring.relu_in_place,
            wiring.relu_in_place_first,
            wiring.attention,
            wiring.attention_alone,
            wiring.encoder_in_training,
            wiring.encoder_frozen_for_inference,
            wiring.mask_of_minus_infinity,
            gradients.weight_norm,
            gradients.weight_norm_frozen,
            gradients.spectral_norm,
            gradients.spectral_norm_looped,
            gradients.orthogonal,
            gradients.weight_norm_old,
            gradients.spectral_norm_old,
            gradients.pruned,
            gradients.functional_call,
            gradients.hypernetwork,
            gradients.frozen_layer,
            gradients.frozen_network,
            gradients.part_without_grad,
            gradients.part_in_inference_mode,
            gradients.detached,
            gradients.checkpointed,
            gradients.differentiated_twice,
            gradients.vectorised,
            gradients.hook_scales_the_output,
            gradients.hook_scales_the_output_in_place,
            gradients.hook_scales_the_input,
            gradients.hook_scales_the_input_gradient,
            gradients.hook_scales_the_output_gradient,
            gradients.hook_scales_the_weight_gradient,
            gradients.hook_on_an_activation,
            impostors.subclass_squares_its_input,
            impostors.subclass_doubles_its_output,
            impostors.subclass_is_wider,
            impostors.subclass_pools,
            impostors.subclass_returns_a_tuple,
            impostors.subclass_takes_more_arguments,
            impostors.subclass_takes_keywords,
            impostors.low_rank_adapter,
            impostors.called_by_its_forward,
            impostors.unused,
            impostors.transposed_convolution,
            formats.one_layer,
            formats.one_sample,
            formats.without_batch_dimension,
            formats.several_leading_dimensions,
            formats.channels_last,
            formats.image_without_batch_dimension,
            formats.compiled,
            formats.scripted_part,
            formats.changes_itself,
            formats.loss_that_reshapes,
            formats.labels_to_ignore,
            formats.dead_layer,
        )
    ),
    *(
        pytest.param(impostors.by_hand, (function,), id=f"linear-{function.__name__}")
        for function in (
            Product,
            DoubledInputGradient,
            DoubledWeightGradient,
            TransposedInputGradient,
            TransposedWeightGradient,
            NoInputGradient,
            NearlyRight,
        )
    ),
    *(
        pytest.param(impostors.convolution_by_hand, (function,), id=f"conv-{function.__name__}")
        for function in (
            Convolved,
            ConvolvedFlipped,
            ConvolvedShifted,
            ConvolvedWeightOff,
        )
    ),
    *(
        pytest.param(formats.in_format, (dtype,), id=str(dtype))
        for dtype in (torch.float32, torch.bfloat16, torch.float16)
    ),
    *(
        pytest.param(formats.autocast, (dtype,), id=f"formats.autocast-{dtype}")
        for dtype in (torch.bfloat16, torch.float16)
    ),
]  # fmt: wiring.skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("make", "args"), NETWORKS)
def test_right_answer_and_nothing_touched(make, args):
    torch.manual_seed(0)
    model, inputs, targets, loss, answers = make(*args)
    before = snapshot(model)
    given = [t.clone() for t in inputs] if isinstance(inputs, tuple) else inputs.clone()
    results = check_model(
        model,
        inputs,
        targets,
        loss,
        claims=[*LAYER_CLAIMS, layerwise_kernel, target_linearity_laws],
    )
    assert_same(before, snapshot(model))
    assert (
        all(map(torch.equal, given, inputs))
        if isinstance(inputs, tuple)
        else torch.equal(given, inputs)
    )

    for claim in LAYER_CLAIMS:
        found = {r.where: r.verdict.outcome for r in results if r.claim is claim}
        # three digits: what a bound as large as half of both sides would tell is nothing
        if args == (torch.bfloat16,):
            found = {where: H if outcome is U else outcome for where, outcome in found.items()}
        assert found == answers, claim.name
    for result in results:
        if result.verdict.outcome is I:
            assert result.verdict.context["reason"]
        if R not in answers.values():
            assert result.verdict.outcome in (H, I) or (
                args == (torch.bfloat16,) and result.verdict.outcome is U
            ), repr(result.verdict)


@pytest.mark.slow
def test_a_wrong_backward_is_seen_by_the_hierarchy_too():
    """The stack below the wrong layer moves by the wrong gradient: the kernel's prediction
    fails.
    """
    torch.manual_seed(0)
    for function, answer in ((Product, H), (DoubledWeightGradient, R), (DoubledInputGradient, R)):
        own = linear_by(function)(16, 16, bias=False, dtype=F64)
        model = nn.Sequential(lin(D, 16, bias=False), nn.ReLU(), own, nn.ReLU(), lin(16))
        (stack,) = stacks(model, data(N, D), data(N, D, seed=1), functional.mse_loss).values()
        assert layerwise_kernel(stack).outcome is answer, function.__name__


def test_a_stack_of_layers_that_are_not_linear_is_no_stack():
    doubling = type("Doubling", (nn.Linear,), {"forward": lambda self, x: 2 * plain(self, x)})
    model = nn.Sequential(doubling(D, D, bias=False, dtype=F64), nn.ReLU(), lin())
    assert stacks(model, data(N, D), data(N, D), functional.mse_loss) == {}


def convolutions():
    for dims, k, padding, stride, dilation, groups, mode in itertools.product(
        (1, 2, 3),
        (2, 3),
        (0, 1, "same", "valid"),
        (1, 2),
        (1, 2),
        (1, 2),
        ("zeros", "reflect", "replicate", "circular"),
    ):
        if (padding == "same" and stride > 1) or (padding in (0, "valid") and mode != "zeros"):
            continue
        if dims == 3 and (k, dilation) == (3, 2):
            continue  # larger than the volume
        yield (
            dims,
            {
                "kernel_size": k,
                "padding": padding,
                "stride": stride,
                "dilation": dilation,
                "groups": groups,
            }
            | {"padding_mode": mode},
        )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_every_convolution(dims):
    kind, size = [(nn.Conv1d, (7,)), (nn.Conv2d, (6, 5)), (nn.Conv3d, (4, 4, 3))][dims - 1]
    torch.manual_seed(0)
    count = 0
    for wanted, options in convolutions():
        if wanted == dims:
            model = kind(2, 2, dtype=F64, **options)
            images = data(2, 2, *size)
            layer = trace(model, images, data(*model(images).shape, seed=1), functional.mse_loss)[
                kind.__name__
            ]
            verdict = feature_learning_equation(layer)
            assert verdict, f"{options}: {verdict!r}"
            assert verdict.ratio > 1e-4, options
            count += 1
    assert count > 50


def test_an_error_leaves_the_model_as_it_was():
    def forward(net, x):
        net.a(x)
        net.norm(x)
        net.count += 1
        raise RuntimeError("midway")

    model = Net(
        forward, a=parametrizations.weight_norm(lin()), norm=nn.BatchNorm1d(D, dtype=F64), b=lin()
    )
    model.count = 0
    before = snapshot(model)
    with pytest.raises(ValueError, match="RuntimeError: midway"):
        check_model(model, data(N, D), data(N, D), functional.mse_loss)
    assert_same(before, snapshot(model))

    inner = type("Failing", (nn.Linear,), {"forward": lambda *_: 1 / 0})(D, D, dtype=F64)
    model = nn.Sequential(parametrizations.weight_norm(lin()), inner)
    before = snapshot(model)
    with pytest.raises(ValueError, match="ZeroDivisionError"):
        check_model(model, data(N, D), data(N, D), functional.mse_loss)
    assert_same(before, snapshot(model))


def test_old_weight_norm_is_traced_at_its_present_weight():
    torch.manual_seed(0)
    model, inputs, targets, loss, _ = gradients.weight_norm_old()
    layer = trace(model, inputs, targets, loss)["0"]
    model(inputs)
    assert torch.equal(layer.weight, model[0].weight)


def test_inside_no_grad_and_inference_mode():
    torch.manual_seed(0)
    model, inputs, targets, loss, _ = two(lin())
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert feature_learning_equation(trace(model, inputs, targets, loss)["0"])
