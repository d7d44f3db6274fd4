"""transformers and peft."""

from torch import nn

from tests.strangers.common import Case, classify, numbers, speaks, whole
from theorems.own.factories import own_loss

SMALL = {
    "vocab_size": 24,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
ENDS = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}


def _labelled(model):
    ids = whole(24, 3, 7)
    return Case(model, {"input_ids": ids, "labels": whole(4, 3, seed=2)}, None, own_loss)


def bert(dtype):
    from transformers import BertConfig, BertForSequenceClassification

    return _labelled(BertForSequenceClassification(BertConfig(**SMALL, num_labels=4)).to(dtype))


def distilbert(dtype):
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    config = DistilBertConfig(
        vocab_size=24, dim=16, n_layers=2, n_heads=2, hidden_dim=24, num_labels=4
    )
    return _labelled(DistilBertForSequenceClassification(config).to(dtype))


def gpt2(dtype):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=24, n_positions=16, n_embd=16, n_layer=2, n_head=2, **ENDS)
    return speaks(GPT2LMHeadModel(config).to(dtype))


def openai_gpt(dtype):
    from transformers import OpenAIGPTConfig, OpenAIGPTLMHeadModel

    config = OpenAIGPTConfig(vocab_size=24, n_positions=16, n_embd=16, n_layer=2, n_head=2)
    return speaks(OpenAIGPTLMHeadModel(config).to(dtype))


def llama(dtype):
    from transformers import LlamaConfig, LlamaForCausalLM

    return speaks(LlamaForCausalLM(LlamaConfig(**SMALL, num_key_value_heads=1)).to(dtype))


def qwen2(dtype):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return speaks(Qwen2ForCausalLM(Qwen2Config(**SMALL, num_key_value_heads=1)).to(dtype))


def t5(dtype):
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=24,
        d_model=16,
        d_kv=8,
        d_ff=24,
        num_layers=2,
        num_heads=2,
        decoder_start_token_id=0,
    )
    return speaks(T5ForConditionalGeneration(config).to(dtype))


def bart(dtype):
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(
        vocab_size=24,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=24,
        decoder_ffn_dim=24,
        max_position_embeddings=16,
        decoder_start_token_id=0,
        **ENDS,
    )
    return speaks(BartForConditionalGeneration(config).to(dtype))


def mamba(dtype):
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(
        vocab_size=24, hidden_size=16, state_size=4, num_hidden_layers=2, time_step_rank=4
    )
    return speaks(MambaForCausalLM(config).to(dtype), use_cache=False)


def mamba2(dtype):
    from transformers import Mamba2Config, Mamba2ForCausalLM

    config = Mamba2Config(
        vocab_size=24,
        hidden_size=16,
        state_size=4,
        num_hidden_layers=2,
        num_heads=4,
        head_dim=8,
        n_groups=2,
        chunk_size=4,
    )
    return speaks(Mamba2ForCausalLM(config).to(dtype), use_cache=False)


def mixtral(dtype):
    from transformers import MixtralConfig, MixtralForCausalLM

    config = MixtralConfig(**SMALL, num_key_value_heads=1, num_local_experts=4)
    return speaks(MixtralForCausalLM(config).to(dtype))


def qwen2_moe(dtype):
    from transformers import Qwen2MoeConfig, Qwen2MoeForCausalLM

    config = Qwen2MoeConfig(
        **SMALL,
        num_key_value_heads=1,
        num_experts=4,
        num_experts_per_tok=2,
        moe_intermediate_size=8,
        shared_expert_intermediate_size=8,
    )
    return speaks(Qwen2MoeForCausalLM(config).to(dtype))


_EARS = {
    "vocab_size": 12,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8, 8),
    "conv_kernel": (4, 4),
    "conv_stride": (4, 4),
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
    "apply_spec_augment": False,
    "layerdrop": 0.0,
}


def _hears(model, dtype):
    sound, labels = numbers(2, 400, dtype=dtype), 1 + whole(10, 2, 6)
    return Case(model, {"input_values": sound, "labels": labels}, None, own_loss)


def wav2vec2(dtype):
    from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

    return _hears(Wav2Vec2ForCTC(Wav2Vec2Config(**_EARS)).to(dtype), dtype)


def hubert(dtype):
    from transformers import HubertConfig, HubertForCTC

    return _hears(HubertForCTC(HubertConfig(**_EARS)).to(dtype), dtype)


def lora_on_llama(dtype):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    found = llama(dtype)
    return found._replace(model=get_peft_model(found.model, config).to(dtype))


def lora_on_layers(dtype):
    from peft import LoraConfig, get_peft_model

    model = nn.Sequential(
        nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 12), nn.GELU(), nn.Linear(12, 5)
    )
    config = LoraConfig(
        r=2, target_modules=["0", "2"], modules_to_save=["4"], init_lora_weights=False
    )
    return classify(get_peft_model(model, config).to(dtype), numbers(8, 6, dtype=dtype))


NETWORKS = {
    f"transformers.{make.__name__}": make
    for make in (
        bert,
        distilbert,
        gpt2,
        openai_gpt,
        llama,
        qwen2,
        t5,
        bart,
        mamba,
        mamba2,
        mixtral,
        qwen2_moe,
        wav2vec2,
        hubert,
    )
}
NETWORKS |= {f"peft.{make.__name__}": make for make in (lora_on_llama, lora_on_layers)}
