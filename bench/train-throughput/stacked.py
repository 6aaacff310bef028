"""The model with its experts' matrices stacked: one attention over all experts' heads, tokens sorted by feed-forward expert."""
import torch
import torch.nn.functional as F
from torch import nn

from model import LayerNorm, causal_attention, columns, router_losses, rows


class Block(nn.Module):
    def __init__(self, c, rotary):
        super().__init__()
        self.c = c
        self.rotary = rotary
        self.norm = LayerNorm(c)
        self.attention_router = nn.Linear(c.d, c.attention_experts, bias=False)
        self.qkv = nn.Linear(c.d, c.attention_experts * (c.heads + 2 * c.kv_heads) * c.head_dim, bias=False)
        self.output = nn.Linear(c.attention_experts * c.heads * c.head_dim, c.d, bias=False)
        self.router = nn.Linear(c.d, c.experts, bias=False)
        self.gate_up = nn.ParameterList(nn.Parameter(torch.empty(2 * c.f, c.d)) for _ in range(c.experts))
        self.down = nn.ParameterList(nn.Parameter(torch.empty(c.d, c.f)) for _ in range(c.experts))

    def forward(self, x):
        h = self.norm(x)
        fed, balance, z = self.feed_forward(h.view(-1, h.shape[-1]))
        return x + self.attention(h) + fed.view_as(x), balance, z

    def attention(self, h):
        c = self.c
        batch, length, _ = h.shape
        gates = self.attention_router(h).softmax(-1)  # [B, T, N]
        qkv = self.qkv(h).view(batch, length, -1, c.head_dim).transpose(1, 2)  # [B, N·(H + 2G), T, D]
        n = c.attention_experts
        q, k, v = qkv.split([n * c.heads, n * c.kv_heads, n * c.kv_heads], dim=1)
        q, k = self.rotary(q), self.rotary(k)
        if c.kv_heads < c.heads:
            k, v = (x.repeat_interleave(c.heads // c.kv_heads, dim=1) for x in (k, v))
        flat = (-1, length, c.head_dim)
        heads = causal_attention(q.reshape(flat), k.reshape(flat), v.reshape(flat), self.rotary.mask)
        heads = heads.view(batch, n, c.heads, length, c.head_dim).permute(0, 3, 1, 2, 4)  # [B, T, N, H, D]
        return self.output((heads * gates.view(batch, length, n, 1, 1)).reshape(batch, length, -1))

    def feed_forward(self, tokens):
        logits = self.router(tokens)  # [n, M]
        probabilities = logits.softmax(-1)
        weights, chosen = probabilities.max(-1)
        counts = chosen.bincount(minlength=self.c.experts)
        order = chosen.argsort()
        outputs = []
        for batch, gate_up, down in zip(tokens.index_select(0, order).split(counts.tolist()), self.gate_up, self.down):
            gate, up = F.linear(batch, gate_up).chunk(2, dim=-1)
            outputs.append(F.linear(F.silu(gate) * up, down))
        places = torch.empty_like(order).index_copy_(0, order, torch.arange(len(order), device=order.device))
        output = torch.cat(outputs).index_select(0, places) * weights.unsqueeze(1)
        return output, *router_losses(logits, probabilities, counts)

    def checkpoint_views(self):
        c = self.c
        q, kv, n = c.heads * c.head_dim, c.kv_heads * c.head_dim, c.attention_experts
        yield "input_layernorm.weight", self.norm.weight, lambda p: p
        yield "self_attn.router.weight", self.attention_router.weight, lambda p: p
        for i in range(n):
            prefix = f"self_attn.experts.{i}."
            yield prefix + "q_proj.weight", self.qkv.weight, rows(i * q, q)
            yield prefix + "k_proj.weight", self.qkv.weight, rows(n * q + i * kv, kv)
            yield prefix + "v_proj.weight", self.qkv.weight, rows(n * (q + kv) + i * kv, kv)
            yield prefix + "o_proj.weight", self.output.weight, columns(i * q, q)
        yield "mlp.router.weight", self.router.weight, lambda p: p
        for i in range(c.experts):
            prefix = f"mlp.experts.{i}."
            yield prefix + "gate_proj.weight", self.gate_up[i], rows(0, c.f)
            yield prefix + "up_proj.weight", self.gate_up[i], rows(c.f, c.f)
            yield prefix + "down_proj.weight", self.down[i], lambda p: p
