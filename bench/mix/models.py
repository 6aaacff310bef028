"""Dense checkpoints of random bfloat16 numbers in Bam's own form, Llama-shaped, written without any library."""
import json
import random
import struct

CHUNK = 1 << 24


def config(layers, hidden=2048, intermediate=5632, vocabulary=32_000):
    return dict(model_type="bam", vocab_size=vocabulary, hidden_size=hidden, intermediate_size=intermediate,
                num_hidden_layers=layers, max_position_embeddings=4096,
                num_attention_heads=hidden // 64, num_key_value_heads=hidden // 64, head_dim=64,
                parallel_block=False, norm_type="rms_norm",
                norm_eps=1e-5,
                hidden_act="silu", rope_theta=10_000.0, rope_interleaved=False, partial_rotary_factor=1.0, logit_scale=1.0,
                tie_word_embeddings=False, num_attention_experts=1, attention_routing="soft", share_key_value=False,
                num_local_experts=1,
                num_experts_per_tok=1, norm_topk_prob=False, torch_dtype="bfloat16")


def tensors(settings):
    d, f, v = settings["hidden_size"], settings["intermediate_size"], settings["vocab_size"]
    yield "model.embed_tokens.weight", [v, d]
    for layer in range(settings["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", [d]
        yield prefix + "post_attention_layernorm.weight", [d]
        for name in "qkvo":
            yield f"{prefix}self_attn.{name}_proj.weight", [d, d]
        yield prefix + "mlp.gate_proj.weight", [f, d]
        yield prefix + "mlp.up_proj.weight", [f, d]
        yield prefix + "mlp.down_proj.weight", [d, f]
    yield "model.norm.weight", [d]
    yield "lm_head.weight", [v, d]


def write(directory, settings, seed):
    """
    Numbers between 2^-13 and 2 of either sign: no bit pattern is NaN or infinite. Sixteen megabytes are drawn, then repeated,
    shifted.
    """
    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(settings, indent=2))
    header, end = {}, 0
    for name, shape in tensors(settings):
        size = 2 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = dict(dtype="BF16", shape=shape, data_offsets=[end, end + size])
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    drawn = bytearray(random.Random(seed).randbytes(CHUNK))
    # The exponent's upper bit is that of 2^-13 … 2: sign, then 0111 and whatever was drawn.
    drawn[1::2] = bytes(drawn[1::2]).translate(bytes((b & 0x87) | 0x38 for b in range(256)))
    with open(directory / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        written = 0
        while written < end:
            start = 2 * (written // CHUNK) % CHUNK
            piece = (drawn[start:] + drawn[:start])[:end - written]
            file.write(piece)
            written += len(piece)
