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
from transformers.cache_utils import Cache, DynamicCache
from transformers.modeling_outputs import BaseModelOutputWithPast, CausalLMOutputWithPast
from transformers.utils import logging

from .configuration_bam import BamConfig

logger = logging.get_logger(__name__)


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


class BamMask:
    """
    Hides keys from queries: later ones, those outside the window, padding, and those of another sequence in the same row.

    A place is counted from the start of a row, padding included. The `attention_mask` has two dimensions, a column for each place so
    far, or four, [B, 1, T, S], and is then the whole mask: true where a query sees a key, or numbers to add to the scores.
    """

    def __init__(self, window, places, sequences, attention_mask):
        self.window = window
        self.places = places  # [T]
        self.sequences = sequences  # [B or 1, T]
        self.attention_mask = attention_mask
        self.is_whole = attention_mask is not None and attention_mask.dim() == 4
        if attention_mask is not None:
            self._check(attention_mask)

    def _check(self, mask):
        if self.is_whole:
            if mask.dtype != torch.bool and not mask.is_floating_point():
                raise ValueError(f"attention_mask: expected bool or floating point in four dimensions, found {mask.dtype}")
        elif mask.dim() != 2:
            raise ValueError(f"attention_mask: expected two or four dimensions, found {mask.dim()}")
        elif not torch.compiler.is_compiling() and mask.shape[1] <= (last := self.places[-1].item()):
            raise ValueError(f"attention_mask: expected {last + 1} columns, one for each position so far, found {mask.shape[1]}")

    def apply(self, scores):
        """[B, H, T, S], likewise."""
        if self.is_whole and self.attention_mask.is_floating_point():
            return scores + self.attention_mask.to(scores.device)
        hidden = ~self.attention_mask if self.is_whole else self._hidden(scores.shape[3])
        return scores.masked_fill(hidden.to(scores.device), torch.finfo(scores.dtype).min)

    def _hidden(self, count):
        """[B or 1, 1, T, S], for as many keys as the cache gives."""
        places = self.places[:, None]
        # A static cache has room behind the last place, which no query sees; a cache of a window has lost the first places.
        keys = torch.arange(count, device=places.device) + (self.places[-1] + 1 - count).clamp(min=0)
        hidden = keys > places
        if self.window is not None:
            hidden = hidden | (keys <= places - self.window)
        hidden = hidden[None, None]
        if self.attention_mask is not None:
            hidden = hidden | (self._columns(self.attention_mask, keys) == 0)
        if self.sequences is not None:
            hidden = hidden | (self._columns(self.sequences, keys) != self.sequences[:, None, :, None])
        return hidden

    @staticmethod
    def _columns(rows, places):
        """The columns of these places: [B, 1, 1, S]."""
        return rows.to(places.device)[:, None, None, places.clamp(max=rows.shape[1] - 1)]


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

    def forward(self, h, angles, mask, past_key_values=None, output_attentions=False):
        config = self.config
        is_dense = config.num_attention_experts == 1
        queried = [self] if is_dense else list(self.experts)
        kept = [self] if is_dense or config.share_key_value else queried

        keys = torch.cat([self.rotary.turn(self._heads(m.k_proj(h), m, "k_norm"), angles) for m in kept], 1)  # [B, K·G, T, D]
        values = torch.cat([self._heads(m.v_proj(h)) for m in kept], 1)
        if past_key_values is not None:
            places = {"cache_position": mask.places}  # for transformers 4
            keys, values = past_key_values.update(keys, values, self.layer_idx, places)  # [B, K·G, S, D]

        gates = None if is_dense else self._gates(h)  # [B, T, N]
        mixed, attentions = 0, []
        for number, module in enumerate(queried):
            first = 0 if len(kept) == 1 else number * config.num_key_value_heads
            own = slice(first, first + config.num_key_value_heads)
            queries = self.rotary.turn(self._heads(module.q_proj(h), module, "q_norm"), angles)
            heads, weights = self._attend(queries, keys[:, own], values[:, own], mask)
            output = module.o_proj(heads.transpose(1, 2).flatten(2))
            mixed = mixed + (output if gates is None else output * gates[..., number, None].to(output.dtype))
            if output_attentions:
                attentions.append(weights)
        return mixed, torch.cat(attentions, 1) if output_attentions else None  # [B, N·H, T, S]

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

    def _attend(self, queries, keys, values, mask):
        repeats = self.config.num_attention_heads // self.config.num_key_value_heads
        keys, values = keys.repeat_interleave(repeats, 1), values.repeat_interleave(repeats, 1)
        scores = queries @ keys.transpose(2, 3) / math.sqrt(self.config.head_dim)  # [B, H, T, S]
        weights = mask.apply(scores).softmax(-1)
        return weights @ values, weights


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

    def forward(self, x, angles, mask, past_key_values=None, output_attentions=False):
        h = self.input_layernorm(x)
        attended, attentions = self.self_attn(h, angles, mask, past_key_values, output_attentions)
        if self.parallel:
            second = self.post_attention_layernorm(x) if hasattr(self, "post_attention_layernorm") else h
            return x + attended + self.mlp(second), attentions
        x = x + attended
        return x + self.mlp(self.post_attention_layernorm(x)), attentions


class BamPreTrainedModel(PreTrainedModel):
    config_class = BamConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _no_split_modules = ["BamBlock"]
    _skip_keys_device_placement = ["past_key_values"]

    def _init_weights(self, module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        elif isinstance(module, BamNorm):
            nn.init.ones_(module.weight)
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)

    def _setting(self, name, value):
        """What the caller says, else what the configuration says."""
        return getattr(self.config, name, False) if value is None else value


class BamModel(BamPreTrainedModel):
    """Embeddings, blocks and the last norm."""

    def __init__(self, config):
        super().__init__(config)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(BamBlock(config, layer) for layer in range(config.num_hidden_layers))
        self.norm = BamNorm(config, (config.hidden_size,), config.norm_bias)
        self.gradient_checkpointing = False
        self.post_init()

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        past_key_values=None,
        inputs_embeds=None,
        use_cache=None,
        output_hidden_states=None,
        output_attentions=None,
        return_dict=None,
        **_,
    ):
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("expected either input_ids or inputs_embeds, found both or neither")
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        past_key_values = self._cache(past_key_values, self._setting("use_cache", use_cache))
        past = 0 if past_key_values is None else past_key_values.get_seq_length()  # a tensor, of a static cache
        places = torch.arange(x.shape[1], device=x.device) + (past.to(x.device) if isinstance(past, torch.Tensor) else past)
        sequences = None
        if position_ids is None:
            position_ids = places[None]
        elif attention_mask is None and isinstance(past, int) and past == 0:
            # Data collators that pack sequences into a row without padding begin again at position 0.
            sequences = (position_ids.diff(prepend=position_ids[:, :1] - 1) != 1).cumsum(-1)  # [B or 1, T]

        angles = BamRotary(self.config).angles(position_ids)
        mask = BamMask(self.config.sliding_window, places, sequences, attention_mask)
        output_hidden_states = self._setting("output_hidden_states", output_hidden_states)
        output_attentions = self._setting("output_attentions", output_attentions)
        hidden_states, attentions = [], []
        for layer in self.layers:
            if output_hidden_states:
                hidden_states.append(x)
            if self.gradient_checkpointing and self.training:
                x, weights = self._gradient_checkpointing_func(layer.__call__, x, angles, mask, None, output_attentions)
            else:
                x, weights = layer(x, angles, mask, past_key_values=past_key_values, output_attentions=output_attentions)
            if output_attentions:
                attentions.append(weights)
        x = self.norm(x)

        output = BaseModelOutputWithPast(
            last_hidden_state=x,
            past_key_values=past_key_values,
            hidden_states=(*hidden_states, x) if output_hidden_states else None,
            attentions=tuple(attentions) if output_attentions else None,
        )
        return output if self._setting("return_dict", return_dict) else output.to_tuple()

    def _cache(self, given, use_cache):
        if given is not None and not isinstance(given, Cache):
            raise ValueError(f"past_key_values: expected a Cache, such as DynamicCache, found {type(given).__name__}")
        if self.gradient_checkpointing and self.training:
            # Computed twice, a layer would write into the cache twice.
            if given is not None:
                raise ValueError("past_key_values: expected none in training with gradient checkpointing, found a cache")
            if use_cache:
                logger.warning_once("use_cache: there is no cache in training with gradient checkpointing")
            return None
        return DynamicCache() if given is None and use_cache else given


class BamForCausalLM(BamPreTrainedModel, GenerationMixin):
    """
    The model with its head.

    The loss is the likelihood alone, without the routers' losses: the mean over the targets, or with `num_items_in_batch`, which
    transformers' `Trainer` gives, their sum divided by it. `output_attentions` gives the heads of all attention experts, one expert
    after the other.
    """

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
        output_hidden_states=None,
        output_attentions=None,
        return_dict=None,
        logits_to_keep=0,
        **kwargs,
    ):
        if self._setting("output_router_logits", kwargs.get("output_router_logits")):
            raise ValueError("output_router_logits: Bam models give none, and their loss has no part for the routers")
        outputs = self.model(
            input_ids,
            attention_mask,
            position_ids,
            past_key_values,
            inputs_embeds,
            use_cache,
            output_hidden_states,
            output_attentions,
            return_dict=True,
        )
        kept = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(outputs.last_hidden_state[:, kept]).float() * self.config.logit_scale
        loss = None
        if labels is not None or kwargs.get("shift_labels") is not None:
            loss = self.loss_function(logits, labels, self.config.vocab_size, **kwargs)
        output = CausalLMOutputWithPast(
            loss=loss,
            logits=logits,
            past_key_values=outputs.past_key_values,
            hidden_states=outputs.hidden_states,
            attentions=outputs.attentions,
        )
        return output if self._setting("return_dict", return_dict) else output.to_tuple()
