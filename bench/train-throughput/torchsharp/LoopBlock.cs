using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>As most people write it: every expert is a module, a loop over experts, attention by its formula.</summary>
internal sealed class LoopBlock : Block
{
    private readonly LayerNorm norm;
    private readonly Linear attentionRouter;
    private readonly ModuleList<AttentionExpert> attentionExperts;
    private readonly Linear router;
    private readonly ModuleList<FeedForwardExpert> experts;

    public LoopBlock(Config c, Rotary rotary)
        : base(nameof(LoopBlock))
    {
        norm = LayerNorm(c.Hidden, c.NormEps, bias: false);
        attentionRouter = Linear(c.Hidden, c.AttentionExperts, hasBias: false);
        attentionExperts = ModuleList(
            Enumerable.Range(0, c.AttentionExperts).Select(_ => new AttentionExpert(c, rotary)).ToArray());
        router = Linear(c.Hidden, c.Experts, hasBias: false);
        experts = ModuleList(Enumerable.Range(0, c.Experts).Select(_ => new FeedForwardExpert(c)).ToArray());
        RegisterComponents();
    }

    public override (Tensor Output, Tensor Balance, Tensor Z) forward(Tensor x)
    {
        var h = norm.forward(x);
        var (fed, balance, z) = FeedForward(h.view(-1, h.shape[^1]));
        return (x + Attention(h) + fed.view_as(x), balance, z);
    }

    public override IEnumerable<CheckpointView> CheckpointViews()
    {
        yield return new("input_layernorm.weight", norm.weight!);
        yield return new("self_attn.router.weight", attentionRouter.weight!);
        for (var i = 0; i < attentionExperts.Count; i++)
        {
            foreach (var view in attentionExperts[i].CheckpointViews($"self_attn.experts.{i}.")) yield return view;
        }

        yield return new("mlp.router.weight", router.weight!);
        for (var i = 0; i < experts.Count; i++)
        {
            foreach (var view in experts[i].CheckpointViews($"mlp.experts.{i}.")) yield return view;
        }
    }

    private Tensor Attention(Tensor h)
    {
        var gates = attentionRouter.forward(h).softmax(-1); // [B, T, N]
        var output = zeros_like(h);
        for (var i = 0; i < attentionExperts.Count; i++)
        {
            output = addcmul(output, gates.narrow(-1, i, 1), attentionExperts[i].forward(h), 1);
        }

        return output;
    }

    private (Tensor Output, Tensor Balance, Tensor Z) FeedForward(Tensor tokens)
    {
        var logits = router.forward(tokens); // [n, M]
        var probabilities = logits.softmax(-1);
        var (weights, chosen) = probabilities.max(-1);
        var output = zeros_like(tokens);
        for (var i = 0; i < experts.Count; i++)
        {
            var index = chosen.eq(i).nonzero().squeeze(1);
            if (index.numel() == 0) continue;
            var fed = experts[i].forward(tokens.index_select(0, index)) * weights.index_select(0, index).unsqueeze(1);
            output = output.index_add(0, index, fed, 1);
        }

        var (balance, z) = RouterLosses(logits, probabilities, chosen.bincount(null, experts.Count));
        return (output, balance, z);
    }

    private sealed class AttentionExpert : Module<Tensor, Tensor>
    {
        private readonly Config c;
        private readonly Func<Tensor, Tensor> rotate;
        private readonly Tensor mask;
        private readonly Linear qkv;
        private readonly Linear output;

        public AttentionExpert(Config c, Rotary rotary)
            : base(nameof(AttentionExpert))
        {
            this.c = c;
            rotate = rotary.forward;
            mask = rotary.Mask;
            qkv = Linear(c.Hidden, (c.Heads + (2 * c.KeyValueHeads)) * c.HeadDim, hasBias: false);
            output = Linear(c.Heads * c.HeadDim, c.Hidden, hasBias: false);
            register_module(nameof(qkv), qkv);
            register_module(nameof(output), output);
        }

        public override Tensor forward(Tensor h)
        {
            var (batch, length) = (h.shape[0], h.shape[1]);
            var projected = qkv.forward(h).view(batch, length, -1, c.HeadDim).transpose(1, 2); // [B, H + 2G, T, D]
            var parts = projected.split([c.Heads, c.KeyValueHeads, c.KeyValueHeads], dim: 1);
            var (q, k, v) = (rotate(parts[0]), rotate(parts[1]), parts[2]);
            if (c.KeyValueHeads < c.Heads)
            {
                k = k.repeat_interleave(c.Heads / c.KeyValueHeads, dim: 1);
                v = v.repeat_interleave(c.Heads / c.KeyValueHeads, dim: 1);
            }

            var heads = CausalAttention(Flat(q), Flat(k), Flat(v));
            return output.forward(heads.view(batch, c.Heads, length, c.HeadDim).transpose(1, 2).reshape(batch, length, -1));

            Tensor Flat(Tensor x) => x.reshape(batch * c.Heads, length, c.HeadDim);
        }

        public IEnumerable<CheckpointView> CheckpointViews(string prefix)
        {
            var (queries, keys) = (c.Heads * c.HeadDim, c.KeyValueHeads * c.HeadDim);
            yield return CheckpointView.Rows(prefix + "q_proj.weight", qkv.weight!, 0, queries);
            yield return CheckpointView.Rows(prefix + "k_proj.weight", qkv.weight!, queries, keys);
            yield return CheckpointView.Rows(prefix + "v_proj.weight", qkv.weight!, queries + keys, keys);
            yield return new(prefix + "o_proj.weight", output.weight!);
        }

        /// <summary>
        /// q, k, v [B·H, T, D]. model.py uses baddbmm; TorchSharp 0.107 passes its arguments to libtorch in the wrong order.
        /// </summary>
        private Tensor CausalAttention(Tensor q, Tensor k, Tensor v)
        {
            var length = q.shape[1];
            var scores = (q / Math.Sqrt(c.HeadDim)).bmm(k.transpose(1, 2)); // [B·H, T, T]
            return scores.add_(mask.narrow(0, 0, length).narrow(1, 0, length)).softmax(-1).bmm(v);
        }
    }

    private sealed class FeedForwardExpert : Module<Tensor, Tensor>
    {
        private readonly long intermediate;
        private readonly Linear gateUp;
        private readonly Linear down;

        public FeedForwardExpert(Config c)
            : base(nameof(FeedForwardExpert))
        {
            intermediate = c.Intermediate;
            gateUp = Linear(c.Hidden, 2 * intermediate, hasBias: false);
            down = Linear(intermediate, c.Hidden, hasBias: false);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var parts = gateUp.forward(x).chunk(2, dim: -1);
            return down.forward(functional.silu(parts[0]) * parts[1]);
        }

        public IEnumerable<CheckpointView> CheckpointViews(string prefix)
        {
            yield return CheckpointView.Rows(prefix + "gate_proj.weight", gateUp.weight!, 0, intermediate);
            yield return CheckpointView.Rows(prefix + "up_proj.weight", gateUp.weight!, intermediate, intermediate);
            yield return new(prefix + "down_proj.weight", down.weight!);
        }
    }
}
