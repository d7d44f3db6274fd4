"""timm and diffusers."""

from torch.nn import functional

from tests.strangers.common import Case, classify, numbers, whole


def resnet(dtype):
    from timm.models.resnet import BasicBlock, ResNet

    model = ResNet(BasicBlock, (1, 1, 1, 1), num_classes=5, channels=(4, 4, 8, 8), stem_width=2)
    return classify(model.to(dtype), numbers(4, 3, 32, 32, dtype=dtype))


def vit(dtype):
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(
        img_size=16, patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=5
    )
    return classify(model.to(dtype), numbers(4, 3, 16, 16, dtype=dtype))


def convnext(dtype):
    from timm.models.convnext import ConvNeXt

    model = ConvNeXt(num_classes=5, depths=(1, 1, 1, 1), dims=(4, 8, 8, 8))
    return classify(model.to(dtype), numbers(4, 3, 32, 32, dtype=dtype))


def unet(dtype):
    from diffusers import UNet2DModel

    model = UNet2DModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    ).to(dtype)
    inputs = {"sample": numbers(2, 1, 8, 8, dtype=dtype), "timestep": whole(1000, 2)}
    return Case(
        model,
        inputs,
        numbers(2, 1, 8, 8, dtype=dtype, seed=2),
        lambda o, y: functional.mse_loss(o.sample, y),
    )


def dit(dtype):
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=8,
        in_channels=2,
        num_layers=1,
        sample_size=8,
        patch_size=4,
        norm_num_groups=2,
        num_embeds_ada_norm=10,
    ).to(dtype)
    model.eval()  # class labels are dropped by chance in training
    inputs = {
        "hidden_states": numbers(2, 2, 8, 8, dtype=dtype),
        "timestep": whole(10, 2),
        "class_labels": whole(10, 2, seed=3),
    }
    return Case(
        model,
        inputs,
        numbers(2, 2, 8, 8, dtype=dtype, seed=2),
        lambda o, y: functional.mse_loss(o.sample, y),
    )


def autoencoder(dtype):
    from diffusers import AutoencoderKL

    model = AutoencoderKL(
        block_out_channels=(8,),
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        latent_channels=2,
        norm_num_groups=4,
    ).to(dtype)
    images = numbers(2, 3, 8, 8, dtype=dtype)
    return Case(model, images, images, lambda o, y: functional.mse_loss(o.sample, y))


NETWORKS = {f"timm.{make.__name__}": make for make in (resnet, vit, convnext)}
NETWORKS |= {f"diffusers.{make.__name__}": make for make in (unet, dit, autoencoder)}
