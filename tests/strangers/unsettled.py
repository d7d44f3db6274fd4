"""U-shaped networks; and networks of which a part cannot be settled: layers of which the loss
depends too little, or that it does not reach.
"""

from torch.nn import functional

from tests.strangers.common import Case, classify, numbers, whole


def cait(dtype):
    """Layer scales of 10⁻⁵ twice over, before attention to one token."""
    from timm.models.cait import Cait

    model = Cait(img_size=16, patch_size=8, num_classes=5, embed_dim=8, depth=2, num_heads=2)
    return classify(model.to(dtype), numbers(2, 3, 16, 16, dtype=dtype))


def unpooled(dtype):
    """The pooler is called, and the loss does not read it."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=24,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
    )
    wanted = numbers(3, 7, 16, dtype=dtype, seed=2)
    return Case(
        BertModel(config).to(dtype),
        {"input_ids": whole(24, 3, 7)},
        wanted,
        lambda o, y: functional.mse_loss(o.last_hidden_state, y),
    )


def unet_1d(dtype):
    from diffusers import UNet1DModel

    model = UNet1DModel(
        sample_size=16,
        in_channels=2,
        out_channels=2,
        layers_per_block=1,
        block_out_channels=(32, 32),
        down_block_types=("DownBlock1DNoSkip", "DownBlock1D"),
        up_block_types=("UpBlock1D", "UpBlock1DNoSkip"),
        mid_block_type="UNetMidBlock1D",
        extra_in_channels=64,
    )
    inputs = {"sample": numbers(2, 2, 16, dtype=dtype), "timestep": whole(1000, 2)}
    wanted = numbers(2, 2, 16, dtype=dtype, seed=2)
    return Case(model.to(dtype), inputs, wanted, lambda o, y: functional.mse_loss(o.sample, y))


def graph_unet(dtype):
    from torch_geometric.nn import GraphUNet

    inputs = numbers(9, 6, dtype=dtype), whole(9, 2, 30)
    wanted = whole(5, 9, seed=2)
    return Case(GraphUNet(6, 8, 5, depth=2).to(dtype), inputs, wanted, functional.cross_entropy)


NETWORKS = {
    "timm.cait": cait,
    "transformers.unpooled": unpooled,
    "diffusers.unet_1d": unet_1d,
    "torch_geometric.graph_unet": graph_unet,
}
