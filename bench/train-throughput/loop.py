"""The model as most people write it: every expert a module of its own, a Python loop over experts."""
import torch
import torch.nn.functional as F
from torch import nn

from model import LayerNorm, causal_attention, router_losses, rows


class AttentionExpert(nn.Module):
    def __init__(self, c, rotary):
        super().__init__()
        self.c = c
        self.rotary = rotary
        self.qkv = nn.Linear(c.d, (c.heads + 2 * c.kv_heads) * c.head_dim, bias=False)
        self.output = nn.Linear(c.heads * c.head_dim, c.d, bias=False)

    def forward(self, h):
        c = self.c
        batch, length, _ = h.shape
        qkv = self.qkv(h).view(batch, length, -1, c.head_dim).transpose(1, 2)  # [B, H + 2G, T, D]
        q, k, v = qkv.split([c.heads, c.kv_heads, c.kv_heads], dim=1)
        q, k = self.rotary(q), self.rotary(k)
        if c.kv_heads < c.heads:
            k, v = (x.repeat_interleave(c.heads // c.kv_heads, dim=1) for x in (k, v))
        flat = (batch * c.heads, length, c.head_dim)
        heads = causal_attention(q.reshape(flat), k.reshape(flat), v.reshape(flat), self.rotary.mask)
        return self.output(heads.view(batch, c.heads, length, c.head_dim).transpose(1, 2).reshape(batch, length, -1))

    def checkpoint_views(self):
        q, kv = self.c.heads * self.c.head_dim, self.c.kv_heads * self.c.head_dim
        yield "q_proj.weight", self.qkv.weight, rows(0, q)
        yield "k_proj.weight", self.qkv.weight, rows(q, kv)
        yield "v_proj.weight", self.qkv.weight, rows(q + kv, kv)
        yield "o_proj.weight", self.output.weight, lambda p: p


class FeedForwardExpert(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.gate_up = nn.Linear(c.d, 2 * c.f, bias=False)
        self.down = nn.Linear(c.f, c.d, bias=False)

    def forward(self, x):
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)

    def checkpoint_views(self):
        f = self.down.in_features
        yield "gate_proj.weight", self.gate_up.weight, rows(0, f)
        yield "up_proj.weight", self.gate_up.weight, rows(f, f)
        yield "down_proj.weight", self.down.weight, lambda p: p


class Block(nn.Module):
    def __init__(self, c, rotary):
        super().__init__()
        self.norm = LayerNorm(c)
        self.attention_router = nn.Linear(c.d, c.attention_experts, bias=False)
        self.attention_experts = nn.ModuleList(AttentionExpert(c, rotary) for _ in range(c.attention_experts))
        self.router = nn.Linear(c.d, c.experts, bias=False)
        self.experts = nn.ModuleList(FeedForwardExpert(c) for _ in range(c.experts))

    def forward(self, x):
        h = self.norm(x)
        fed, balance, z = self.feed_forward(h.view(-1, h.shape[-1]))
        return x + self.attention(h) + fed.view_as(x), balance, z

    def attention(self, h):
        gates = self.attention_router(h).softmax(-1)  # [B, T, N]
        output = torch.zeros_like(h)
        for gate, expert in zip(gates.split(1, dim=-1), self.attention_experts):
            output = torch.addcmul(output, gate, expert(h))
        return output

    def feed_forward(self, tokens):
        logits = self.router(tokens)  # [n, M]
        probabilities = logits.softmax(-1)
        weights, chosen = probabilities.max(-1)
        output = torch.zeros_like(tokens)
        for i, expert in enumerate(self.experts):
            index = (chosen == i).nonzero().squeeze(1)
            if len(index):
                output = output.index_add(0, index,
                    expert(tokens.index_select(0, index)) * weights.index_select(0, index).unsqueeze(1))
        return output, *router_losses(logits, probabilities, chosen.bincount(minlength=len(self.experts)))

    def checkpoint_views(self):
        yield "input_layernorm.weight", self.norm.weight, lambda p: p
        yield "self_attn.router.weight", self.attention_router.weight, lambda p: p
        for i, expert in enumerate(self.attention_experts):
            for name, parameter, view in expert.checkpoint_views():
                yield f"self_attn.experts.{i}.{name}", parameter, view
        yield "mlp.router.weight", self.router.weight, lambda p: p
        for i, expert in enumerate(self.experts):
            for name, parameter, view in expert.checkpoint_views():
                yield f"mlp.experts.{i}.{name}", parameter, view
