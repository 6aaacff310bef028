"""
Bam models for Hugging Face transformers: dense, BTX (feed-forward experts) and BAM (attention experts as well).

Shapes: B sequences, T new positions, S positions so far, d hidden, H query heads and G key-value heads of one expert, D head_dim,
N attention experts, M feed-forward experts. Experts are computed one after the other: this is for loading, checking and generating,
not for speed.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationMixin, PreTrainedModel
from transformers.cache_utils import DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast

from .configuration_bam import BamConfig


class BamNorm(nn.Module):
    """LayerNorm or RMSNorm over the last dimension, in float32."""

    def __init__(self, config, shape, bias=False):
        super().__init__()
        self.is_layer_norm = config.norm_type == "layer_norm"
        self.eps = config.norm_eps
        self.weight = nn.Parameter(torch.ones(shape))
        self.bias = nn.Parameter(torch.zeros(shape)) if bias else None

    def forward(self, x):
        wide = x.float()
        if self.is_layer_norm:
            wide = wide - wide.mean(-1, keepdim=True)
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps) * self.weight.float()
        if self.bias is not None:
            normed = normed + self.bias.float()
        return normed.to(x.dtype)


class BamRotary:
    """Cosines and sines of rotary embedding, and the turning of heads by them."""

    def __init__(self, config):
        self.width = int(config.head_dim * config.partial_rotary_factor + 1e-6)
        self.interleaved = config.rope_interleaved
        self.theta, self.scaling = config.rope_theta, config.rope_scaling

    def frequencies(self, device):
        """[width / 2], in radians for a position."""
        frequencies = self.theta ** -(torch.arange(0, self.width, 2, dtype=torch.float64, device=device) / self.width)
        scaling = self.scaling
        if not scaling or scaling["rope_type"] == "default":  # transformers 5 fills it in
            return frequencies
        slow = frequencies / scaling["factor"]
        if scaling["rope_type"] == "linear":
            return slow
        low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
        turns = scaling["original_max_position_embeddings"] * frequencies / (2 * math.pi)
        kept = ((turns - low) / (high - low)).clamp(0, 1)
        return (1 - kept) * slow + kept * frequencies

    def angles(self, position_ids):
        """[B, T] to cosines and sines [B, 1, T, width / 2] in float32."""
        angles = position_ids[:, None, :, None].double() * self.frequencies(position_ids.device)
        return angles.cos().float(), angles.sin().float()

    def turn(self, heads, angles):
        """[B, heads, T, D], likewise."""
        cosines, sines = (angle.to(heads.dtype) for angle in angles)
        turned, rest = heads[..., : self.width], heads[..., self.width :]
        x, y = (turned[..., 0::2], turned[..., 1::2]) if self.interleaved else turned.chunk(2, dim=-1)
        pair = (x * cosines - y * sines, y * cosines + x * sines)
        turned = torch.stack(pair, -1).flatten(-2) if self.interleaved else torch.cat(pair, -1)
        return torch.cat((turned, rest), -1)


def add_queries(module, config):
    width = config.num_attention_heads * config.head_dim
    module.q_proj = nn.Linear(config.hidden_size, width, bias=config.attention_bias)
    module.o_proj = nn.Linear(width, config.hidden_size, bias=config.attention_output_bias)
    add_head_norm(module, config, "q_norm", config.num_attention_heads)


def add_keys_and_values(module, config):
    width = config.num_key_value_heads * config.head_dim
    module.k_proj = nn.Linear(config.hidden_size, width, bias=config.attention_bias)
    module.v_proj = nn.Linear(config.hidden_size, width, bias=config.attention_bias)
    add_head_norm(module, config, "k_norm", config.num_key_value_heads)


def add_head_norm(module, config, name, heads):
    if config.query_key_norm == "shared":
        setattr(module, name, BamNorm(config, (config.head_dim,)))
    elif config.query_key_norm == "per_head":
        setattr(module, name, BamNorm(config, (heads, config.head_dim)))


class BamAttention(nn.Module):
    """MoA(h) = sum of g_i(h) · MHA_i(h) over the attention experts (BAM, equation 3); plain attention where there is one."""

    def __init__(self, config, layer_idx):
        super().__init__()
        self.config, self.layer_idx = config, layer_idx
        self.rotary = BamRotary(config)
        if config.num_attention_experts == 1:
            add_queries(self, config)
            add_keys_and_values(self, config)
            return

        self.router = nn.Linear(config.hidden_size, config.num_attention_experts, bias=False)
        self.experts = nn.ModuleList(nn.Module() for _ in range(config.num_attention_experts))
        for expert in self.experts:
            add_queries(expert, config)
            if not config.share_key_value:
                add_keys_and_values(expert, config)
        if config.share_key_value:
            add_keys_and_values(self, config)

    def forward(self, h, angles, mask, past_key_values):
        config = self.config
        is_dense = config.num_attention_experts == 1
        queried = [self] if is_dense else list(self.experts)
        kept = [self] if is_dense or config.share_key_value else queried

        keys = torch.cat([self.rotary.turn(self._heads(m.k_proj(h), m, "k_norm"), angles) for m in kept], 1)  # [B, K·G, T, D]
        values = torch.cat([self._heads(m.v_proj(h)) for m in kept], 1)
        if past_key_values is not None:
            keys, values = past_key_values.update(keys, values, self.layer_idx)  # [B, K·G, S, D]
        hidden = mask(keys.shape[2])

        gates = None if is_dense else self._gates(h)  # [B, T, N]
        mixed = 0
        for number, module in enumerate(queried):
            first = 0 if len(kept) == 1 else number * config.num_key_value_heads
            own = slice(first, first + config.num_key_value_heads)
            queries = self.rotary.turn(self._heads(module.q_proj(h), module, "q_norm"), angles)
            heads = self._attend(queries, keys[:, own], values[:, own], hidden)
            output = module.o_proj(heads.transpose(1, 2).flatten(2))
            mixed = mixed + (output if gates is None else output * gates[..., number, None].to(output.dtype))
        return mixed

    def _heads(self, projected, module=None, norm=None):
        heads = projected.unflatten(-1, (-1, self.config.head_dim))  # [B, T, heads, D]
        if norm is not None and hasattr(module, norm):
            heads = getattr(module, norm)(heads)
        return heads.transpose(1, 2)

    def _gates(self, h):
        gates = F.linear(h.float(), self.router.weight.float()).softmax(-1)
        if self.config.attention_routing == "soft":
            return gates
        # The gates of the others are zero, those of the chosen stay as they are.
        weights, chosen = gates.topk(self.config.num_attention_experts_per_tok, dim=-1)
        return torch.zeros_like(gates).scatter(-1, chosen, weights)

    def _attend(self, queries, keys, values, hidden):
        repeats = self.config.num_attention_heads // self.config.num_key_value_heads
        keys, values = keys.repeat_interleave(repeats, 1), values.repeat_interleave(repeats, 1)
        scores = queries @ keys.transpose(2, 3) / math.sqrt(self.config.head_dim)  # [B, H, T, S]
        scores = scores.masked_fill(hidden, torch.finfo(scores.dtype).min)
        return scores.softmax(-1) @ values


def add_feed_forward(module, config):
    hidden, width = config.hidden_size, config.intermediate_size
    if config.gated_mlp:
        module.gate_proj = nn.Linear(hidden, width, bias=config.mlp_bias)
    module.up_proj = nn.Linear(hidden, width, bias=config.mlp_bias)
    module.down_proj = nn.Linear(width, hidden, bias=config.mlp_bias)


class BamFeedForward(nn.Module):
    """A feed-forward, or the weighted outputs of the k experts of each token."""

    ACTIVATIONS = {"silu": F.silu, "gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh")}

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.activation = self.ACTIVATIONS[config.hidden_act]
        if config.num_local_experts == 1:
            add_feed_forward(self, config)
            return

        self.router = nn.Linear(config.hidden_size, config.num_local_experts, bias=False)
        self.experts = nn.ModuleList(nn.Module() for _ in range(config.num_local_experts))
        for expert in self.experts:
            add_feed_forward(expert, config)

    def forward(self, h):
        if self.config.num_local_experts == 1:
            return self._expert(self, h)

        tokens = h.flatten(0, -2)  # [B·T, d]
        probabilities = F.linear(tokens.float(), self.router.weight.float()).softmax(-1)
        weights, chosen = probabilities.topk(self.config.num_experts_per_tok, dim=-1)
        if self.config.norm_topk_prob:
            weights = weights / weights.sum(-1, keepdim=True)
        mixed = torch.zeros_like(tokens)
        for number, expert in enumerate(self.experts):
            rows, places = (chosen == number).nonzero(as_tuple=True)
            output = self._expert(expert, tokens[rows]) * weights[rows, places, None].to(tokens.dtype)
            mixed = mixed.index_add(0, rows, output)
        return mixed.view_as(h)

    def _expert(self, expert, x):
        if self.config.gated_mlp:
            return expert.down_proj(self.activation(expert.gate_proj(x)) * expert.up_proj(x))
        return expert.down_proj(self.activation(expert.up_proj(x)))


class BamBlock(nn.Module):
    def __init__(self, config, layer_idx):
        super().__init__()
        self.parallel = config.parallel_block
        self.input_layernorm = BamNorm(config, (config.hidden_size,), config.norm_bias)
        self.self_attn = BamAttention(config, layer_idx)
        if not config.parallel_block or config.separate_norms:
            self.post_attention_layernorm = BamNorm(config, (config.hidden_size,), config.norm_bias)
        self.mlp = BamFeedForward(config)

    def forward(self, x, angles, mask, past_key_values):
        h = self.input_layernorm(x)
        attended = self.self_attn(h, angles, mask, past_key_values)
        if self.parallel:
            second = self.post_attention_layernorm(x) if hasattr(self, "post_attention_layernorm") else h
            return x + attended + self.mlp(second)
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x))


class BamPreTrainedModel(PreTrainedModel):
    config_class = BamConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = False
    _no_split_modules = ["BamBlock"]

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            module.weight.data.normal_(0, 0.02)
            if getattr(module, "bias", None) is not None:
                module.bias.data.zero_()
        elif isinstance(module, BamNorm):
            module.weight.data.fill_(1)
            if module.bias is not None:
                module.bias.data.zero_()


class BamModel(BamPreTrainedModel):
    """Embeddings, blocks and the last norm."""

    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(BamBlock(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = BamNorm(config, (config.hidden_size,), config.norm_bias)
        self.post_init()

    def forward(
        self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, inputs_embeds=None, use_cache=None, **_
    ):
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        if past_key_values is None and (self.config.use_cache if use_cache is None else use_cache):
            past_key_values = DynamicCache()
        start = 0 if past_key_values is None else past_key_values.get_seq_length()
        places = torch.arange(start, start + x.shape[1], device=x.device)  # in the sequence, padding included
        if position_ids is None:
            position_ids = places[None].expand(x.shape[0], -1)

        angles = BamRotary(self.config).angles(position_ids)
        mask = self._mask(places, attention_mask)
        for layer in self.layers:
            x = layer(x, angles, mask, past_key_values)
        return BaseModelOutputWithPast(last_hidden_state=self.norm(x), past_key_values=past_key_values)

    def _mask(self, places, attention_mask):
        """Gives, for the number of keys of a layer, where a query may not look: [B or 1, 1, T, keys]."""

        def mask(count):
            keys = torch.arange(places[-1] + 1 - count, places[-1] + 1, device=places.device)
            hidden = keys[None] > places[:, None]
            if self.config.sliding_window is not None:
                hidden = hidden | (keys[None] <= places[:, None] - self.config.sliding_window)
            hidden = hidden[None, None]
            if attention_mask is not None:
                hidden = hidden | (attention_mask[:, None, None, -count:] == 0)
            return hidden

        return mask


class BamForCausalLM(BamPreTrainedModel, GenerationMixin):
    """The model with its head. The loss is the likelihood alone, without the routers' losses."""

    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = BamModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=config.lm_head_bias)
        self.post_init()

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        labels=None,
        use_cache=None,
        logits_to_keep=0,
        **kwargs,
    ):
        outputs = self.model(input_ids, attention_mask, position_ids, past_key_values, inputs_embeds, use_cache)
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept]).float() * self.config.logit_scale
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
        return CausalLMOutputWithPast(loss=loss, logits=logits, past_key_values=outputs.past_key_values)
