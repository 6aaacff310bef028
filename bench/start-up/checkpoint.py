"""A Mixtral checkpoint of 9,994 tiny tensors, as many as a large mixture has; written without any library."""
import json
import struct

LAYERS, EXPERTS, WIDTH, VOCABULARY = 97, 32, 16, 64
CONFIG = dict(
    architectures=["MixtralForCausalLM"], model_type="mixtral", hidden_size=WIDTH, intermediate_size=WIDTH,
    num_hidden_layers=LAYERS, num_attention_heads=2, num_key_value_heads=2, vocab_size=VOCABULARY, num_local_experts=EXPERTS,
    num_experts_per_tok=2, rms_norm_eps=1e-5, rope_theta=1e6, max_position_embeddings=128, torch_dtype="float32",
    tie_word_embeddings=False, hidden_act="silu")


def tensors():
    yield "model.embed_tokens.weight", [VOCABULARY, WIDTH]
    for layer in range(LAYERS):
        prefix = f"model.layers.{layer}."
        yield prefix + "input_layernorm.weight", [WIDTH]
        yield prefix + "post_attention_layernorm.weight", [WIDTH]
        for name in "qkvo":
            yield f"{prefix}self_attn.{name}_proj.weight", [WIDTH, WIDTH]
        yield prefix + "block_sparse_moe.gate.weight", [EXPERTS, WIDTH]
        for expert in range(EXPERTS):
            for name in ("w1", "w2", "w3"):
                yield f"{prefix}block_sparse_moe.experts.{expert}.{name}.weight", [WIDTH, WIDTH]
    yield "model.norm.weight", [WIDTH]
    yield "lm_head.weight", [VOCABULARY, WIDTH]


def write(directory):
    """Returns the number of tensors."""
    (directory / "config.json").write_text(json.dumps(CONFIG))
    header, end = {}, 0
    for name, shape in tensors():
        size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
        header[name] = dict(dtype="F32", shape=shape, data_offsets=[end, end + size])
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (directory / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
    return len(header)
