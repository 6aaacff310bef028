"""
Bam models for Hugging Face transformers: dense, BTX (feed-forward experts) and BAM (attention experts as well).

Shapes: B sequences, T new positions, S positions so far, d hidden, H query heads and G key-value heads of one expert, D head_dim,
N attention experts, M feed-forward experts. Experts are computed one after the other: this is for loading, checking and
generating, not for speed.
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
from .mask_bam import BamMask
from .rotary_bam import BamRotary

logger = logging.get_logger(__name__)


class BamNorm(nn.Module):
    """LayerNorm or RMSNorm over the last dimension, in float32."""

    def __init__(self, config, shape, bias=False):
        super().__init__()
        self.is_layer_norm = config.norm_type == "layer_norm"
        self.eps = config.norm_eps
        self.offset = 1.0 if config.norm_unit_offset else 0.0
        self.weight = nn.Parameter(torch.full(shape, 1 - self.offset))
        self.bias = nn.Parameter(torch.zeros(shape)) if bias else None

    def forward(self, x):
        wide = x.float()
        if self.is_layer_norm:
            wide = wide - wide.mean(-1, keepdim=True)
        normed = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + self.eps) * (self.weight.float() + self.offset)
        if self.bias is not None:
            normed = normed + self.bias.float()
        return normed.to(x.dtype)


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
    if config.query_key_norm != "none":
        shapes = {"shared": (config.head_dim,), "per_head": (heads, config.head_dim), "all_heads": (heads * config.head_dim,)}
        setattr(module, name, BamNorm(config, shapes[config.query_key_norm], config.query_key_norm_bias))


class BamAttention(nn.Module):
    """MoA(h) = sum of g_i(h) · MHA_i(h) over the attention experts (BAM, equation 3); plain attention where there is one."""

    def __init__(self, config, layer_idx):
        super().__init__()
        self.config, self.layer_idx = config, layer_idx
        self.rotary = BamRotary(config) if config.has_rotary(layer_idx) else None
        self.scale = config.attention_multiplier or 1 / math.sqrt(config.head_dim)
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

        keys = torch.cat([self._rotated(self._heads(m.k_proj(h), m, "k_norm"), angles) for m in kept], 1)  # [B, K·G, T, D]
        values = torch.cat([self._heads(m.v_proj(h)) for m in kept], 1)
        if past_key_values is not None:
            places = {"cache_position": mask.places}  # for transformers 4
            keys, values = past_key_values.update(keys, values, self.layer_idx, places)  # [B, K·G, S, D]

        gates = None if is_dense else self._gates(h)  # [B, T, N]
        mixed, attentions = 0, []
        for number, module in enumerate(queried):
            first = 0 if len(kept) == 1 else number * config.num_key_value_heads
            own = slice(first, first + config.num_key_value_heads)
            queries = self._rotated(self._heads(module.q_proj(h), module, "q_norm"), angles)
            if angles.query_factors is not None:
                queries = queries * angles.query_factors.to(queries.dtype)
            heads, weights = self._attend(queries, keys[:, own], values[:, own], mask)
            output = module.o_proj(heads.transpose(1, 2).flatten(2))
            mixed = mixed + (output if gates is None else output * gates[..., number, None].to(output.dtype))
            if output_attentions:
                attentions.append(weights)
        return mixed, torch.cat(attentions, 1) if output_attentions else None  # [B, N·H, T, S]

    def _heads(self, projected, module=None, norm=None):
        norm = getattr(module, norm, None) if norm is not None else None
        if norm is not None and self.config.query_key_norm == "all_heads":
            projected, norm = norm(projected), None
        heads = projected.unflatten(-1, (-1, self.config.head_dim))  # [B, T, heads, D]
        if norm is not None:
            heads = norm(heads)
        if self.config.clip_qkv is not None:
            heads = heads.clamp(-self.config.clip_qkv, self.config.clip_qkv)
        return heads.transpose(1, 2)

    def _rotated(self, heads, angles):
        return heads if self.rotary is None else self.rotary.rotate(heads, angles)

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
        scores = soft_capped(queries @ keys.transpose(2, 3) * self.scale, self.config.attn_logit_softcapping)  # [B, H, T, S]
        weights = mask.apply(scores).softmax(-1)
        return weights @ values, weights


def soft_capped(scores, cap):
    """At most `cap` from zero (Gemma 2); None for no cap."""
    return scores if cap is None else cap * torch.tanh(scores / cap)


def add_feed_forward(module, config, width):
    hidden = config.hidden_size
    if config.gated_mlp:
        module.gate_proj = nn.Linear(hidden, width, bias=config.mlp_bias)
    module.up_proj = nn.Linear(hidden, width, bias=config.mlp_bias)
    module.down_proj = nn.Linear(width, hidden, bias=config.mlp_bias)


class BamFeedForward(nn.Module):
    """A feed-forward, or the weighted outputs of the k experts of each token, with those of the expert that all tokens share."""

    ACTIVATIONS = {"silu": F.silu, "gelu": F.gelu, "gelu_new": lambda x: F.gelu(x, approximate="tanh")}

    def __init__(self, config, layer_idx):
        super().__init__()
        self.config = config
        self.activation = self.ACTIVATIONS[config.hidden_act]
        self.is_dense = config.num_local_experts == 1 or layer_idx in config.mlp_only_layers
        if self.is_dense:
            is_other = layer_idx in config.mlp_only_layers
            add_feed_forward(self, config, config.dense_intermediate_size if is_other else config.intermediate_size)
            return

        self.router = nn.Linear(config.hidden_size, config.num_local_experts, bias=False)
        self.experts = nn.ModuleList(nn.Module() for _ in range(config.num_local_experts))
        for expert in self.experts:
            add_feed_forward(expert, config, config.intermediate_size)
        if config.shared_expert_intermediate_size is not None:
            self.shared_expert_gate = nn.Linear(config.hidden_size, 1, bias=False)
            self.shared_expert = nn.Module()
            add_feed_forward(self.shared_expert, config, config.shared_expert_intermediate_size)

    def forward(self, h):
        if self.is_dense:
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
        if self.config.shared_expert_intermediate_size is not None:
            gate = F.linear(tokens.float(), self.shared_expert_gate.weight.float()).sigmoid()  # [B·T, 1]
            mixed = mixed + gate.to(tokens.dtype) * self._expert(self.shared_expert, tokens)
        return mixed.view_as(h)

    def _expert(self, expert, x):
        if self.config.gated_mlp:
            return expert.down_proj(self.activation(expert.gate_proj(x)) * expert.up_proj(x))
        return expert.down_proj(self.activation(expert.up_proj(x)))


class BamBlock(nn.Module):
    """Attention and feed-forward, each between a norm of what it reads and a norm of what it adds, where the model has these."""

    def __init__(self, config, layer_idx):
        super().__init__()
        self.parallel, self.multiplier = config.parallel_block, config.residual_multiplier
        self.layer_type = config.layer_types[layer_idx]
        has_inputs, has_outputs = config.norm_placement != "output", config.norm_placement != "input"
        # Llama's name for the norm before the feed-forward is Gemma's and OLMo 2's for the norm after attention.
        self.feed_forward_norm = "pre_feedforward_layernorm" if has_outputs else "post_attention_layernorm"
        if has_inputs:
            self._add_norm(config, "input_layernorm")
        self.self_attn = BamAttention(config, layer_idx)
        if has_outputs:
            self._add_norm(config, "post_attention_layernorm")
        if has_inputs and (not config.parallel_block or config.separate_norms):
            self._add_norm(config, self.feed_forward_norm)
        self.mlp = BamFeedForward(config, layer_idx)
        if has_outputs:
            self._add_norm(config, "post_feedforward_layernorm")
        self.has_inputs, self.has_outputs = has_inputs, has_outputs

    def _add_norm(self, config, name):
        setattr(self, name, BamNorm(config, (config.hidden_size,), config.norm_bias))

    def forward(self, x, angles, mask, past_key_values=None, output_attentions=False):
        h = self.input_layernorm(x) if self.has_inputs else x
        attended, attentions = self.self_attn(h, angles, mask, past_key_values, output_attentions)
        if self.parallel:
            second = getattr(self, self.feed_forward_norm)(x) if hasattr(self, self.feed_forward_norm) else h
            return x + self._scaled(attended) + self._scaled(self.mlp(second)), attentions
        x = x + self._scaled(self.post_attention_layernorm(attended) if self.has_outputs else attended)
        mixed = self.mlp(getattr(self, self.feed_forward_norm)(x) if self.has_inputs else x)
        return x + self._scaled(self.post_feedforward_layernorm(mixed) if self.has_outputs else mixed), attentions

    def _scaled(self, branch):
        return branch if self.multiplier == 1 else branch * self.multiplier


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
            nn.init.constant_(module.weight, 1 - module.offset)
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
        if self.config.embedding_multiplier != 1:
            x = x * self.config.embedding_multiplier
        past_key_values = self._cache(past_key_values, self._setting("use_cache", use_cache))
        past = 0 if past_key_values is None else past_key_values.get_seq_length()  # a tensor, of a static cache
        places = torch.arange(x.shape[1], device=x.device) + (past.to(x.device) if isinstance(past, torch.Tensor) else past)
        sequences = None
        if position_ids is None:
            position_ids = places[None]
        elif attention_mask is None and isinstance(past, int) and past == 0:
            # Data collators that pack sequences into a row without padding begin again at position 0.
            sequences = (position_ids.diff(prepend=position_ids[:, :1] - 1) != 1).cumsum(-1)  # [B or 1, T]

        rotary = BamRotary(self.config)
        angles = rotary.angles(position_ids)
        masks = BamMask.of_layer_types(self.config, places, sequences, attention_mask)
        self._require_same_frequencies(rotary, past, position_ids)
        output_hidden_states = self._setting("output_hidden_states", output_hidden_states)
        output_attentions = self._setting("output_attentions", output_attentions)
        hidden_states, attentions = [], []
        for layer in self.layers:
            if output_hidden_states:
                hidden_states.append(x)
            of_layer = angles[layer.layer_type], masks[layer.layer_type]
            if self.gradient_checkpointing and self.training:
                x, weights = self._gradient_checkpointing_func(layer.__call__, x, *of_layer, None, output_attentions)
            else:
                x, weights = layer(x, *of_layer, past_key_values=past_key_values, output_attentions=output_attentions)
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

    @staticmethod
    def _require_same_frequencies(rotary, past, position_ids):
        """With LongRoPE, refuses cached keys of a short input in a long one. Compiled code does not check this."""
        if rotary.kind != "longrope" or torch.compiler.is_compiling() or past == 0:
            return
        length = position_ids.max().item() + 1
        if rotary.changes_between(length - position_ids.shape[1], length):
            raise ValueError(
                f"past_key_values: expected an empty cache for an input of {length} tokens, found keys of an input of at most "
                f"{rotary.original_length} (original_max_position_embeddings), where LongRoPE has other frequencies; pass all "
                "tokens again, as generate does"
            )

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

    The loss is the negative log-likelihood, without the routers' losses: the mean over the targets, or with
    `num_items_in_batch`, which transformers' `Trainer` gives, their sum divided by it. `output_attentions` gives the heads of all
    attention experts, one expert after the other.
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
        logits = soft_capped(logits, self.config.final_logit_softcapping)
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

    def prepare_inputs_for_generation(self, input_ids, **kwargs):
        """With LongRoPE, the step that makes a text longer than `original_max_position_embeddings` reads all its tokens again."""
        rotary, cache = BamRotary(self.config), kwargs.get("past_key_values")
        if rotary.kind == "longrope" and cache is not None and 0 < (past := int(cache.get_seq_length())) < input_ids.shape[1]:
            positions, new = kwargs.get("position_ids"), input_ids.shape[1] - past
            length = input_ids.shape[1] if positions is None else positions.max().item() + 1
            if rotary.changes_between(length - new, length):
                forget(cache)
                kwargs["next_sequence_length"] = None
        return super().prepare_inputs_for_generation(input_ids, **kwargs)


def forget(cache):
    """Empties a cache; static memory stays."""
    cache.reset()
    for layer in cache.layers:
        if not layer.is_compileable:
            layer.is_initialized = False  # its next update begins anew
