using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>
/// The experts' matrices stacked, libtorch's fused attention over all heads at once, tokens sorted by feed-forward expert. Each
/// block has a scope, which frees what the backward pass does not need.
/// </summary>
internal sealed class TunedBlock : Block
{
    private readonly Config c;
    private readonly Func<Tensor, Tensor> rotate;
    private readonly LayerNorm norm;
    private readonly Linear attentionRouter;
    private readonly Linear qkv;
    private readonly Linear output;
    private readonly Linear router;
    private readonly ModuleList<Linear> gateUp;
    private readonly ModuleList<Linear> down;

    public TunedBlock(Config c, Rotary rotary)
        : base(nameof(TunedBlock))
    {
        this.c = c;
        rotate = rotary.forward;
        norm = LayerNorm(c.Hidden, c.NormEps, bias: false);
        attentionRouter = Linear(c.Hidden, c.AttentionExperts, hasBias: false);
        qkv = Linear(c.Hidden, c.AttentionExperts * (c.Heads + (2 * c.KeyValueHeads)) * c.HeadDim, hasBias: false);
        output = Linear(c.AttentionExperts * c.Heads * c.HeadDim, c.Hidden, hasBias: false);
        router = Linear(c.Hidden, c.Experts, hasBias: false);
        gateUp = ModuleList(Experts(() => Linear(c.Hidden, 2 * c.Intermediate, hasBias: false)));
        down = ModuleList(Experts(() => Linear(c.Intermediate, c.Hidden, hasBias: false)));
        RegisterComponents();

        Linear[] Experts(Func<Linear> expert) => Enumerable.Range(0, c.Experts).Select(_ => expert()).ToArray();
    }

    public override (Tensor Output, Tensor Balance, Tensor Z) forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var h = norm.forward(x);
        var (fed, balance, z) = FeedForward(h.view(-1, h.shape[^1]));
        var sum = (x + Attention(h)).add_(fed.view_as(x));
        return (sum.MoveToOuterDisposeScope(), balance.MoveToOuterDisposeScope(), z.MoveToOuterDisposeScope());
    }

    public override IEnumerable<CheckpointView> CheckpointViews()
    {
        long n = c.AttentionExperts;
        var (queries, keys) = (c.Heads * c.HeadDim, c.KeyValueHeads * c.HeadDim);
        yield return new("input_layernorm.weight", norm.weight!);
        yield return new("self_attn.router.weight", attentionRouter.weight!);
        for (var i = 0; i < n; i++)
        {
            var prefix = $"self_attn.experts.{i}.";
            yield return CheckpointView.Rows(prefix + "q_proj.weight", qkv.weight!, i * queries, queries);
            yield return CheckpointView.Rows(prefix + "k_proj.weight", qkv.weight!, (n * queries) + (i * keys), keys);
            yield return CheckpointView.Rows(prefix + "v_proj.weight", qkv.weight!, (n * (queries + keys)) + (i * keys), keys);
            yield return CheckpointView.Columns(prefix + "o_proj.weight", output.weight!, i * queries, queries);
        }

        yield return new("mlp.router.weight", router.weight!);
        for (var i = 0; i < c.Experts; i++)
        {
            var prefix = $"mlp.experts.{i}.";
            yield return CheckpointView.Rows(prefix + "gate_proj.weight", gateUp[i].weight!, 0, c.Intermediate);
            yield return CheckpointView.Rows(prefix + "up_proj.weight", gateUp[i].weight!, c.Intermediate, c.Intermediate);
            yield return new(prefix + "down_proj.weight", down[i].weight!);
        }
    }

    private Tensor Attention(Tensor h)
    {
        long n = c.AttentionExperts;
        var (batch, length) = (h.shape[0], h.shape[1]);
        var gates = attentionRouter.forward(h).softmax(-1); // [B, T, N]
        var projected = qkv.forward(h).view(batch, length, -1, c.HeadDim).transpose(1, 2); // [B, N·(H + 2G), T, D]
        var parts = projected.split([n * c.Heads, n * c.KeyValueHeads, n * c.KeyValueHeads], dim: 1);
        var (q, k, v) = (rotate(parts[0]), rotate(parts[1]), parts[2]);
        if (c.KeyValueHeads < c.Heads)
        {
            k = k.repeat_interleave(c.Heads / c.KeyValueHeads, dim: 1);
            v = v.repeat_interleave(c.Heads / c.KeyValueHeads, dim: 1);
        }

        var heads = functional.scaled_dot_product_attention(q, k, v, is_casual: true); // [B, N·H, T, D]
        heads = heads.transpose(1, 2).view(batch, length, n, c.Heads, c.HeadDim);
        return output.forward((heads * gates.view(batch, length, n, 1, 1)).view(batch, length, -1));
    }

    private (Tensor Output, Tensor Balance, Tensor Z) FeedForward(Tensor tokens)
    {
        var logits = router.forward(tokens); // [n, M]
        var probabilities = logits.softmax(-1);
        var (weights, chosen) = probabilities.max(-1);
        var counts = chosen.bincount(null, c.Experts);
        var order = chosen.argsort();
        var sorted = tokens.index_select(0, order).split(counts.data<long>().ToArray());
        var fed = new Tensor[c.Experts];
        for (var i = 0; i < fed.Length; i++)
        {
            var parts = gateUp[i].forward(sorted[i]).chunk(2, dim: -1);
            fed[i] = down[i].forward(functional.silu(parts[0]) * parts[1]);
        }

        var places = empty_like(order).index_copy_(0, order, arange(order.numel(), dtype: ScalarType.Int64));
        var (balance, z) = RouterLosses(logits, probabilities, counts);
        return (cat(fed).index_select(0, places) * weights.unsqueeze(1), balance, z);
    }
}
