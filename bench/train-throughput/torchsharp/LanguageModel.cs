using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>A parameter, or the view of one that has a name of its own in a checkpoint.</summary>
internal sealed record CheckpointView(string Name, Parameter Parameter, Func<Tensor, Tensor> View)
{
    public CheckpointView(string name, Parameter parameter)
        : this(name, parameter, whole => whole)
    {
    }

    public static CheckpointView Rows(string name, Parameter parameter, long start, long count) =>
        new(name, parameter, whole => whole.narrow(0, start, count));

    public static CheckpointView Columns(string name, Parameter parameter, long start, long count) =>
        new(name, parameter, whole => whole.narrow(1, start, count));
}

/// <summary>y = x + attention(norm(x)) + feedForward(norm(x)); returns y and the router's two losses.</summary>
internal abstract class Block(string name) : Module<Tensor, (Tensor Output, Tensor Balance, Tensor Z)>(name)
{
    public abstract IEnumerable<CheckpointView> CheckpointViews();

    /// <summary>LB = M · Σ F_i P_i and Z = mean of logsumexp²; logits [n, M].</summary>
    protected static (Tensor Balance, Tensor Z) RouterLosses(Tensor logits, Tensor probabilities, Tensor counts)
    {
        var fractions = counts / counts.sum();
        var balance = (fractions * probabilities.mean([0])).sum() * counts.numel();
        return (balance, logits.logsumexp(-1).square().mean());
    }
}

/// <summary>Half-split rotary embedding and the causal mask, computed once.</summary>
internal sealed class Rotary : Module<Tensor, Tensor>
{
    private readonly Tensor cos; // [T, D]
    private readonly Tensor sin; // [T, D], its first half negated

    public Rotary(Config c)
        : base(nameof(Rotary))
    {
        var exponents = arange(0, c.HeadDim, 2, dtype: ScalarType.Float64) / -(double)c.HeadDim;
        var frequencies = torch.pow(c.RopeTheta, exponents);
        var angles = arange(c.Positions, dtype: ScalarType.Float64).outer(frequencies); // [T, D/2]
        var sines = angles.sin();
        cos = cat([angles, angles], dim: -1).cos().to(ScalarType.Float32);
        sin = cat([sines.neg(), sines], dim: -1).to(ScalarType.Float32);
        Mask = full(c.Positions, c.Positions, float.NegativeInfinity).triu(1);
        register_buffer(nameof(cos), cos, persistent: false);
        register_buffer(nameof(sin), sin, persistent: false);
        register_buffer(nameof(Mask), Mask, persistent: false);
    }

    /// <summary>[T, T]: 0 up to the diagonal, -∞ above it.</summary>
    public Tensor Mask { get; }

    /// <summary>Rotates [..., T, D].</summary>
    public override Tensor forward(Tensor x)
    {
        var length = x.shape[^2];
        var turned = x.roll(x.shape[^1] / 2, -1);
        return addcmul(x * cos.narrow(0, 0, length), turned, sin.narrow(0, 0, length), 1);
    }
}

/// <summary>Embedding, blocks, norm, tied head.</summary>
internal sealed class LanguageModel : Module<Tensor, (Tensor Logits, Tensor Balance, Tensor Z)>
{
    private readonly Config config;
    private readonly Embedding embedding;
    private readonly Rotary rotary;
    private readonly ModuleList<Block> blocks;
    private readonly LayerNorm norm;

    public LanguageModel(Config config, Func<Config, Rotary, Block> block)
        : base(nameof(LanguageModel))
    {
        this.config = config;
        embedding = Embedding(config.Vocab, config.Hidden);
        rotary = new(config);
        blocks = ModuleList(Enumerable.Range(0, config.Layers).Select(_ => block(config, rotary)).ToArray());
        norm = LayerNorm(config.Hidden, config.NormEps, bias: false);
        RegisterComponents();
    }

    /// <summary>Logits [B, T, V] of ids [B, T]; each layer's losses [layers].</summary>
    public override (Tensor Logits, Tensor Balance, Tensor Z) forward(Tensor ids)
    {
        var x = embedding.forward(ids);
        var (balance, z) = (new List<Tensor>(), new List<Tensor>());
        foreach (var block in blocks)
        {
            (x, var blockBalance, var blockZ) = block.forward(x);
            balance.Add(blockBalance);
            z.Add(blockZ);
        }

        return (functional.linear(norm.forward(x), embedding.weight!), stack(balance), stack(z));
    }

    /// <summary>The training loss and its parts; a target of -100 does not count.</summary>
    public Losses Loss(Tensor ids, Tensor targets)
    {
        var (logits, balance, z) = forward(ids);
        var nll = functional.cross_entropy(logits.view(-1, config.Vocab), targets.reshape(-1));
        var total = nll + (balance.sum() * config.BalanceCoefficient) + (z.sum() * config.ZCoefficient);
        return new(total, nll, balance, z, logits);
    }

    /// <summary>Matrices N(0, 0.02), norms 1.</summary>
    public void Initialize(ulong seed)
    {
        using var generator = new Generator(seed);
        using var withoutGradients = no_grad();
        foreach (var matrix in parameters().Where(parameter => parameter.dim() > 1)) matrix.normal_(0, 0.02, generator);
    }

    public IEnumerable<CheckpointView> CheckpointViews()
    {
        yield return new("model.embed_tokens.weight", embedding.weight!);
        for (var i = 0; i < blocks.Count; i++)
        {
            foreach (var view in blocks[i].CheckpointViews()) yield return view with { Name = $"model.layers.{i}.{view.Name}" };
        }

        yield return new("model.norm.weight", norm.weight!);
    }

    public sealed record Losses(Tensor Total, Tensor Nll, Tensor Balance, Tensor Z, Tensor Logits);
}
