"""Architectures of other kinds: mixers, windows, reversible layers, quantisers, contrastive losses,
message passing on distances.
"""

import torch
from torch.nn import functional

from tests.strangers.common import Case, classify, numbers, speaks, whole
from theorems.own.factories import own_loss

SMALL = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}


def _images(model, dtype, size=32, samples=2):
    return classify(model.to(dtype), numbers(samples, 3, size, size, dtype=dtype))


def mixer(dtype):
    from timm.models.mlp_mixer import MlpMixer

    return _images(
        MlpMixer(num_classes=5, img_size=16, patch_size=8, num_blocks=2, embed_dim=16), dtype, 16, 4
    )


def swin(dtype):
    from timm.models.swin_transformer import SwinTransformer

    model = SwinTransformer(
        img_size=16,
        patch_size=2,
        num_classes=5,
        embed_dim=8,
        depths=(2, 2),
        num_heads=(2, 2),
        window_size=4,
    )
    return _images(model, dtype, 16)


def efficientnet(dtype):
    from timm import create_model

    return _images(create_model("test_efficientnet", num_classes=5), dtype, 32, 4)


def nfnet(dtype):
    from timm import create_model

    return _images(create_model("test_nfnet", num_classes=5), dtype)


def albert(dtype):
    from transformers import AlbertConfig, AlbertForSequenceClassification

    model = AlbertForSequenceClassification(AlbertConfig(**SMALL, embedding_size=8, num_labels=4))
    ids = whole(24, 3, 7)
    return Case(model.to(dtype), {"input_ids": ids, "labels": whole(4, 3, seed=2)}, None, own_loss)


def gemma2(dtype):
    from transformers import Gemma2Config, Gemma2ForCausalLM

    return speaks(
        Gemma2ForCausalLM(Gemma2Config(**SMALL, num_key_value_heads=1, head_dim=8)).to(dtype)
    )


def rwkv(dtype):
    from transformers import RwkvConfig, RwkvForCausalLM

    config = RwkvConfig(
        vocab_size=24,
        hidden_size=16,
        num_hidden_layers=2,
        attention_hidden_size=16,
        context_length=16,
    )
    return speaks(RwkvForCausalLM(config).to(dtype), use_cache=False)


def reformer(dtype):
    from transformers import ReformerConfig, ReformerModelWithLMHead

    config = ReformerConfig(
        vocab_size=24,
        hidden_size=16,
        num_attention_heads=2,
        attention_head_size=8,
        feed_forward_size=24,
        is_decoder=True,
        attn_layers=["local", "local"],
        axial_pos_embds=False,
        max_position_embeddings=16,
        local_attn_chunk_length=4,
        # its noise is seeded by the clock
        hidden_dropout_prob=0.0,
        local_attention_probs_dropout_prob=0.0,
    )
    return speaks(ReformerModelWithLMHead(config).to(dtype), length=8)


def whisper(dtype):
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    config = WhisperConfig(
        vocab_size=24,
        num_mel_bins=4,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_source_positions=8,
        max_target_positions=16,
        decoder_start_token_id=0,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
    )
    inputs = {"input_features": numbers(2, 4, 16, dtype=dtype), "labels": whole(24, 2, 5)}
    return Case(WhisperForConditionalGeneration(config).to(dtype), inputs, None, own_loss)


def clip(dtype):
    from transformers import CLIPConfig, CLIPModel

    text = SMALL | {
        "max_position_embeddings": 8,
        "bos_token_id": 0,
        "eos_token_id": 2,
        "pad_token_id": 1,
    }
    sight = {k: SMALL[k] for k in list(SMALL)[1:]} | {"image_size": 16, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=sight, projection_dim=8)).to(dtype)
    inputs = {
        "input_ids": whole(24, 3, 7),
        "pixel_values": numbers(3, 3, 16, 16, dtype=dtype),
        "return_loss": True,
    }
    return Case(model, inputs, None, own_loss)


def fnet(dtype):
    from transformers import FNetConfig, FNetForSequenceClassification

    config = FNetConfig(
        vocab_size=24,
        hidden_size=16,
        num_hidden_layers=2,
        intermediate_size=24,
        num_labels=4,
        max_position_embeddings=16,
    )
    inputs = {"input_ids": whole(24, 3, 7), "labels": whole(4, 3, seed=2)}
    return Case(FNetForSequenceClassification(config).to(dtype), inputs, None, own_loss)


def switch(dtype):
    from transformers import SwitchTransformersConfig, SwitchTransformersForConditionalGeneration

    config = SwitchTransformersConfig(
        vocab_size=24,
        d_model=16,
        d_kv=8,
        d_ff=24,
        num_layers=2,
        num_heads=2,
        num_experts=2,
        decoder_start_token_id=0,
        num_sparse_encoder_layers=1,
        num_sparse_decoder_layers=1,
        num_decoder_layers=2,
    )
    return speaks(SwitchTransformersForConditionalGeneration(config).to(dtype))


def segformer(dtype):
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 8],
        patch_sizes=[3, 3],
        strides=[2, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=8,
        num_labels=4,
    )
    inputs = {"pixel_values": numbers(2, 3, 16, 16, dtype=dtype), "labels": whole(4, 2, 16, 16)}
    return Case(SegformerForSemanticSegmentation(config).to(dtype), inputs, None, own_loss)


def masked_autoencoder(dtype):
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    config = ViTMAEConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=24,
        image_size=16,
        patch_size=4,
        decoder_num_attention_heads=2,
        decoder_hidden_size=8,
        decoder_num_hidden_layers=1,
        decoder_intermediate_size=16,
    )
    return Case(
        ViTMAEForPreTraining(config).to(dtype),
        {"pixel_values": numbers(2, 3, 16, 16, dtype=dtype)},
        None,
        own_loss,
    )


def _painted(model, inputs, dtype, size=8, channels=1):
    wanted = numbers(2, channels, size, size, dtype=dtype, seed=2)
    return Case(model.to(dtype), inputs, wanted, lambda o, y: functional.mse_loss(o.sample, y))


def conditioned_unet(dtype):
    from diffusers import UNet2DConditionModel

    model = UNet2DConditionModel(
        sample_size=8,
        in_channels=1,
        out_channels=1,
        layers_per_block=1,
        block_out_channels=(8, 16),
        norm_num_groups=4,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=4,
    )
    inputs = {
        "sample": numbers(2, 1, 8, 8, dtype=dtype),
        "timestep": whole(1000, 2),
        "encoder_hidden_states": numbers(2, 3, 8, dtype=dtype, seed=5),
    }
    return _painted(model, inputs, dtype)


def quantiser(dtype):
    from diffusers import VQModel

    model = VQModel(
        in_channels=1,
        out_channels=1,
        block_out_channels=(8,),
        down_block_types=("DownEncoderBlock2D",),
        up_block_types=("UpDecoderBlock2D",),
        latent_channels=2,
        norm_num_groups=4,
        num_vq_embeddings=8,
        vq_embed_dim=2,
    )
    images = numbers(2, 1, 8, 8, dtype=dtype)

    def loss(o, y):
        return functional.mse_loss(o.sample, y) + o.commit_loss.mean()

    return Case(model.to(dtype), images, images, loss)


def flux(dtype):
    from diffusers import FluxTransformer2DModel

    model = FluxTransformer2DModel(
        in_channels=4,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=8,
        pooled_projection_dim=8,
        axes_dims_rope=(4, 4, 8),
    )
    inputs = {
        "hidden_states": numbers(2, 4, 4, dtype=dtype),
        "encoder_hidden_states": numbers(2, 3, 8, dtype=dtype, seed=3),
        "pooled_projections": numbers(2, 8, dtype=dtype, seed=4),
        "timestep": numbers(2, dtype=dtype, seed=5).abs(),
        "img_ids": whole(4, 4, 3).to(dtype),
        "txt_ids": torch.zeros(3, 3, dtype=dtype),
    }
    wanted = numbers(2, 4, 4, dtype=dtype, seed=2)
    return Case(model.to(dtype), inputs, wanted, lambda o, y: functional.mse_loss(o.sample, y))


def schnet(dtype):
    from torch_geometric.nn import SchNet

    edges = torch.tensor(
        [[i, j] for i in range(6) for j in range(6) if i != j and i // 3 == j // 3]
    ).T

    def graph(pos, _batch):
        return edges, (pos[edges[0]] - pos[edges[1]]).norm(dim=-1)

    model = SchNet(8, 8, num_interactions=2, num_gaussians=5, cutoff=3.0, interaction_graph=graph)
    inputs = whole(9, 6) + 1, numbers(6, 3, dtype=dtype), torch.arange(6) // 3
    return Case(model.to(dtype), inputs, numbers(2, 1, dtype=dtype, seed=2), functional.mse_loss)


def pna(dtype):
    from torch_geometric.nn import PNA

    model = PNA(
        6, 8, 2, 5, aggregators=["mean", "std", "max"], scalers=["identity", "amplification"],
        deg=torch.tensor([0, 2, 4, 3]), towers=1,
    )  # fmt: skip
    inputs = numbers(9, 6, dtype=dtype), whole(9, 2, 30)
    return Case(model.to(dtype), inputs, whole(5, 9, seed=2), functional.cross_entropy)


def gin_with_batch_norm(dtype):
    from torch_geometric.nn import GIN

    inputs = numbers(9, 6, dtype=dtype), whole(9, 2, 30)
    model = GIN(6, 8, num_layers=2, out_channels=5, norm="batch_norm", train_eps=True, jk="cat")
    return Case(model.to(dtype), inputs, whole(5, 9, seed=2), functional.cross_entropy)


def boring(dtype):
    from lightning.pytorch.demos import Transformer

    model = Transformer(vocab_size=24, ninp=16, nhead=2, nhid=16, nlayers=1, dropout=0.1).to(dtype)
    ids = whole(24, 3, 7)
    return Case(model, {"inputs": ids, "target": ids}, ids.flatten(), functional.nll_loss)


def shufflenet(dtype):
    from torchvision.models import ShuffleNetV2

    return _images(ShuffleNetV2([1, 1, 1], [4, 8, 16, 32, 16], num_classes=5), dtype, 32, 4)


def densenet(dtype):
    from torchvision.models import DenseNet

    model = DenseNet(4, (2, 2), 8, bn_size=2, num_classes=5, memory_efficient=True)
    return _images(model, dtype, 32, 4)


def cross_covariance(dtype):
    from vit_pytorch.cross_vit import CrossViT

    model = CrossViT(
        image_size=16,
        num_classes=5,
        sm_dim=8,
        lg_dim=8,
        sm_patch_size=4,
        lg_patch_size=8,
        sm_enc_depth=1,
        lg_enc_depth=1,
        sm_enc_heads=2,
        lg_enc_heads=2,
        sm_enc_mlp_dim=8,
        lg_enc_mlp_dim=8,
        sm_enc_dim_head=4,
        lg_enc_dim_head=4,
        cross_attn_depth=1,
        cross_attn_heads=2,
        cross_attn_dim_head=4,
        depth=1,
    )
    return _images(model, dtype, 16)


def x_decoder(dtype):
    from x_transformers import AutoregressiveWrapper, Decoder, TransformerWrapper

    layers = Decoder(
        dim=16,
        depth=2,
        heads=2,
        attn_dim_head=8,
        rotary_pos_emb=True,
        ff_glu=True,
        use_rmsnorm=True,
    )
    model = AutoregressiveWrapper(
        TransformerWrapper(num_tokens=24, max_seq_len=16, attn_layers=layers)
    ).to(dtype)
    return Case(model, whole(24, 3, 8), None, lambda o, *_: o)


NETWORKS = {
    f"{package}.{make.__name__}": make
    for package, makes in {
        "timm": (mixer, swin, efficientnet, nfnet),
        "transformers": (
            albert,
            gemma2,
            rwkv,
            reformer,
            whisper,
            clip,
            fnet,
            switch,
            segformer,
            masked_autoencoder,
        ),
        "diffusers": (conditioned_unet, quantiser, flux),
        "torch_geometric": (schnet, pna, gin_with_batch_norm),
        "lightning": (boring,),
        "torchvision": (shufflenet, densenet),
        "vit_pytorch": (cross_covariance,),
        "x_transformers": (x_decoder,),
    }.items()
    for make in makes
}
