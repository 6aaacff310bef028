"""What both PyTorch peers share: sizes, norm, rotary embedding, losses, and how parameters map to checkpoint names.

B sequences, T positions, n = B·T tokens, d hidden, f feed-forward hidden, H query heads and G key-value heads of one expert,
D head_dim, N attention experts, M feed-forward experts.
"""
import json
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn


# Where a fused attention is at hand, as on a GPU, its scores are never kept.
FUSED_ATTENTION = hasattr(F, "scaled_dot_product_attention")


@dataclass(frozen=True)
class Config:
    vocab: int = 4096
    d: int = 256
    f: int = 512
    layers: int = 4
    heads: int = 4
    kv_heads: int = 4
    head_dim: int = 64
    positions: int = 256
    attention_experts: int = 4
    experts: int = 4
    norm_eps: float = 1e-5
    rope_theta: float = 10_000.0
    balance: float = 0.01
    z: float = 0.001

    @staticmethod
    def load(path):
        """Reads a Hugging Face style config.json; refuses what the peers do not compute."""
        with open(path) as file:
            c = json.load(file)
        computed = dict(parallel_block=True, norm_type="layer_norm", hidden_act="silu", rope_interleaved=False,
                        partial_rotary_factor=1.0,
                        logit_scale=1.0, tie_word_embeddings=True, attention_routing="soft", share_key_value=False,
                        num_experts_per_tok=1,
                        norm_topk_prob=False)
        for key, value in computed.items():
            if c[key] != value:
                raise SystemExit(f"{path}: {key}: expected {value}, found {c[key]}; the peers compute only the benchmark's model")
        return Config(c["vocab_size"], c["hidden_size"], c["intermediate_size"], c["num_hidden_layers"], c["num_attention_heads"],
                      c["num_key_value_heads"], c["head_dim"], c["max_position_embeddings"], c["num_attention_experts"],
                      c["num_local_experts"], c["norm_eps"], c["rope_theta"], c["router_aux_loss_coef"], c["router_z_loss_coef"])

    @staticmethod
    def of(size):
        """What a processor trains in seconds, the same with half and twice the width, and what fills a GPU."""
        if size == "tiny":
            return Config(d=128, f=256, head_dim=32)
        if size == "small":
            return Config()
        if size == "medium":
            return Config(d=512, f=1024, heads=8, kv_heads=8)
        return Config(vocab=32_768, d=1024, f=2048, layers=8, heads=16, kv_heads=16, positions=1024)

    def training_flops_per_token(self, length):
        """3 × forward: two for each multiply-add, routers and head included, attention scores counted causally."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        attention = self.attention_experts * (4 * self.d * q + 4 * self.d * kv + 2 * q * (length + 1))
        routers = 2 * self.d * (self.attention_experts + self.experts)
        return 3 * (self.layers * (attention + routers + 6 * self.d * self.f) + 2 * self.d * self.vocab)


class LayerNorm(nn.Module):
    """With a weight and no bias."""

    def __init__(self, c):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(c.d))
        self.eps = c.norm_eps

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, None, self.eps)


class Rotary(nn.Module):
    """Half-split rotary embedding and the causal mask, computed once."""

    def __init__(self, c):
        super().__init__()
        frequencies = c.rope_theta ** (-torch.arange(0, c.head_dim, 2, dtype=torch.float64) / c.head_dim)
        angles = torch.outer(torch.arange(c.positions, dtype=torch.float64), frequencies)  # [T, D/2]
        angles = torch.cat([angles, angles], dim=-1)
        sin = angles.sin()
        sin[:, :c.head_dim // 2].neg_()
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", sin.float(), persistent=False)
        self.register_buffer("mask", torch.full((c.positions, c.positions), -math.inf).triu_(1), persistent=False)

    def forward(self, x):  # [..., T, D]
        length = x.shape[-2]
        cos, sin = self.cos[:length].to(x.dtype), self.sin[:length].to(x.dtype)
        return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, -1), sin)


def causal_attention(q, k, v, mask):
    """q, k, v [B·heads, T, D], as plain PyTorch 1.13 computes it fastest: scale and mask inside the product."""
    if FUSED_ATTENTION:
        q, k, v = (x.unsqueeze(0) for x in (q, k, v))
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).squeeze(0)
    length = q.shape[1]
    scores = torch.baddbmm(mask[:length, :length], q, k.transpose(1, 2), alpha=1 / math.sqrt(q.shape[-1]))
    return torch.bmm(scores.softmax(-1), v)


def router_losses(logits, probabilities, counts):
    """LB = M · Σ F_i P_i and Z = mean of logsumexp²; logits [n, M]."""
    fractions = counts / counts.sum()
    balance = counts.numel() * (fractions * probabilities.mean(0)).sum()
    return balance, logits.logsumexp(-1).square().mean()


class LanguageModel(nn.Module):
    """Embedding, parallel blocks `y = x + attention(h) + feed_forward(h)`, norm, tied head."""

    def __init__(self, c, block):
        super().__init__()
        self.config = c
        self.embedding = nn.Embedding(c.vocab, c.d)
        self.rotary = Rotary(c)
        self.blocks = nn.ModuleList(block(c, self.rotary) for _ in range(c.layers))
        self.norm = LayerNorm(c)

    def forward(self, ids):
        x = self.embedding(ids)
        losses = []
        for block in self.blocks:
            x, *terms = block(x)
            losses.append(terms)
        balance, z = (torch.stack(terms) for terms in zip(*losses))
        return F.linear(self.norm(x), self.embedding.weight), balance, z

    def loss(self, ids, targets):
        """The training loss and its parts; a target of -100 does not count."""
        logits, balance, z = self(ids)
        nll = F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))
        return nll + self.config.balance * balance.sum() + self.config.z * z.sum(), nll, balance, z, logits

    def checkpoint_views(self):
        """(checkpoint name, parameter, the view of it that has that name)."""
        def whole(p):
            return p
        yield "model.embed_tokens.weight", self.embedding.weight, whole
        for i, block in enumerate(self.blocks):
            for name, parameter, view in block.checkpoint_views():
                yield f"model.layers.{i}.{name}", parameter, view
        yield "model.norm.weight", self.norm.weight, whole

    def initialize(self, seed):
        """Matrices N(0, 0.02), norms 1."""
        generator = torch.Generator(self.embedding.weight.device).manual_seed(seed)
        with torch.no_grad():
            for parameter in self.parameters():
                if parameter.dim() > 1:
                    parameter.normal_(0, 0.02, generator=generator)


def rows(start, count):
    return lambda p: p[start:start + count]


def columns(start, count):
    return lambda p: p[:, start:start + count]
