using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>
/// How the ranks of a group share the experts of one model. Each rank has N/E attention experts and M/E feed-forward experts of
/// every block, and all other parameters; every rank reads the same tokens.
/// </summary>
/// <remarks>
/// A branch with experts stands between two functions (Megatron-LM, arXiv 1909.08053, Section 3): in front of it
/// <see cref="Distribute"/> leaves its input as it is and adds up the ranks' gradients of it; behind it <see cref="Sum"/> adds up
/// the ranks' outputs. What stands outside is computed by every rank alike and has whole gradients. What stands inside has
/// the gradient of the rank's own part: whole for an expert of the rank, a part for a parameter that every rank has
/// (<see cref="IsPartial"/>).
/// </remarks>
internal sealed class ExpertParallelism : IDisposable
{
    private readonly ModelConfig config;
    private readonly Tensor? anchor;

    /// <summary>The share of this rank.</summary>
    /// <param name="config">The whole model.</param>
    /// <param name="group">The ranks that share the experts; null for one process with all of them.</param>
    /// <param name="device">Where the model is computed.</param>
    /// <exception cref="InvalidInputException">The experts cannot be shared equally.</exception>
    public ExpertParallelism(ModelConfig config, ProcessGroup? group, Device device)
    {
        (this.config, Group, Device) = (config, group ?? ProcessGroup.Single(), device);
        if (Size == 1) return;
        Require(config, Size);
        anchor = Tensor.Zeros([1], device: device).DetachFromScope();
        anchor.RequiresGrad = true;
    }

    public ProcessGroup Group { get; }

    /// <summary>Where the model is computed.</summary>
    public Device Device { get; }

    /// <summary>E, the ranks that share the experts.</summary>
    public int Size => Group.Size;

    /// <summary>The sizes of what this rank has of attention.</summary>
    public ModelConfig OwnSizes => Size == 1 ? config : config with { NumAttentionExperts = AttentionExperts.Count };

    /// <summary>The attention experts of this rank.</summary>
    public ExpertRange AttentionExperts => RangeOf(config.NumAttentionExperts);

    /// <summary>Refuses numbers of experts that the ranks cannot share equally.</summary>
    /// <param name="config">The whole model.</param>
    /// <param name="size">E.</param>
    /// <exception cref="InvalidInputException">They cannot.</exception>
    public static void Require(ModelConfig config, int size)
    {
        if (size == 1) return;
        if (!config.IsMixture)
        {
            throw new InvalidInputException(
                "expert parallelism", $"a model with experts for {size} ranks to share", "a dense model",
                "use one rank, or data parallelism in training");
        }

        foreach (var (key, experts) in ((string, int)[])
            [("num_attention_experts", config.NumAttentionExperts), ("num_local_experts", config.NumLocalExperts)])
        {
            if (experts > 1 && experts % size != 0)
            {
                throw new InvalidInputException(
                    key, $"a multiple of the {size} ranks that share the experts", $"{experts}",
                    "choose a number of ranks that divides it");
            }
        }
    }

    /// <summary>The feed-forward experts of this rank; the one of a dense block.</summary>
    public ExpertRange FeedForwardExperts(int layer) => RangeOf(config.ExpertsOf(layer));

    /// <summary>The rank whose tensor is saved: the one that has an expert's parameter, 0 for what all ranks have.</summary>
    public int OwnerOf(ParameterInfo parameter)
    {
        if (parameter.Expert < 0) return 0;
        var isAttention = parameter.Kind is ParameterKind.Query or ParameterKind.Key or ParameterKind.Value
            or ParameterKind.QueryNorm or ParameterKind.KeyNorm or ParameterKind.Output;
        return parameter.Expert / ((isAttention ? config.NumAttentionExperts : config.NumLocalExperts) / Size);
    }

    /// <summary>Whether this rank has a parameter.</summary>
    public bool Holds(ParameterInfo parameter) => parameter.Expert < 0 || OwnerOf(parameter) == Group.Rank;

    /// <summary>
    /// Whether every rank has a parameter and a part of its gradient: routers, keys and values that experts share, the shared
    /// expert, the output head.
    /// </summary>
    public bool IsPartial(ParameterInfo parameter) => Size > 1 && HasPartialGradient(config, parameter);

    /// <summary>The same for any number of ranks above 1.</summary>
    public static bool HasPartialGradient(ModelConfig config, ParameterInfo parameter) => parameter.Kind switch
    {
        ParameterKind.AttentionRouter or ParameterKind.FeedForwardRouter => true,
        ParameterKind.Key or ParameterKind.Value or ParameterKind.KeyNorm =>
            config.ShareKeyValue && config.NumAttentionExperts > 1,
        ParameterKind.SharedExpertGate or ParameterKind.SharedGate or ParameterKind.SharedUp or ParameterKind.SharedDown => true,
        ParameterKind.Head => true,
        ParameterKind.Embedding => config.TieWordEmbeddings,
        _ => false,
    };

    /// <summary>The rank's part of n tokens, for what has no experts and is divided by tokens.</summary>
    public (long First, long Count) TokensOf(long tokens)
    {
        var first = tokens * Group.Rank / Size;
        return (first, (tokens * (Group.Rank + 1) / Size) - first);
    }

    /// <summary>The input of what each rank computes a part of; its gradient is the sum of the ranks' gradients.</summary>
    public Tensor Distribute(Tensor x) => anchor is null ? x : AllReduceGradientFunction.Apply(x, Group, anchor);

    /// <summary>The sum of the ranks' parts, in place.</summary>
    public Tensor Sum(Tensor part) => anchor is null ? part : AllReduceFunction.Apply(part.Contiguous(), Group, anchor);

    /// <summary>The leaves of a part of the model that contains <see cref="Distribute"/> or <see cref="Sum"/>.</summary>
    public IReadOnlyList<Tensor> WithAnchor(IReadOnlyList<Tensor> leaves) => anchor is null ? leaves : [.. leaves, anchor];

    /// <summary>The attention gates [.., N] of this rank's experts.</summary>
    public Tensor OfOwnExperts(Tensor gates) =>
        Size == 1 ? gates : gates.Narrow(-1, AttentionExperts.First, AttentionExperts.Count);

    /// <summary>Adds what a function makes of the rank's part of the tokens [n, d] to their rows of a sum [n, d].</summary>
    public Tensor AddOwnTokens(Tensor sum, Tensor tokens, Func<Tensor, Tensor> function)
    {
        if (Size == 1) return sum + function(tokens);
        using var scope = TensorScope.Open();
        var (first, count) = TokensOf(tokens.Size(0));
        if (count == 0) return sum;
        var end = first + count;
        return scope.Keep(Tensor.Cat(
            [
                sum.Narrow(0, 0, first), sum.Narrow(0, first, count) + function(tokens.Narrow(0, first, count)),
                sum.Narrow(0, end, sum.Size(0) - end),
            ]));
    }

    /// <summary>A number that all ranks compute alike, with 1/E of its gradient on each rank.</summary>
    public Tensor WithPartOfGradient(Tensor x)
    {
        if (Size == 1 || !Autograd.IsEnabled) return x;
        using var scope = TensorScope.Open();
        return scope.Keep(x * (1.0 / Size) + x.Detach() * (1 - (1.0 / Size)));
    }

    public void Dispose() => anchor?.Dispose();

    // One expert is a dense branch, which every rank has.
    private ExpertRange RangeOf(int experts) =>
        experts == 1 ? new(0, 1) : new(experts / Size * Group.Rank, experts / Size);
}

/// <summary>Experts with consecutive numbers.</summary>
internal readonly record struct ExpertRange(int First, int Count)
{
    /// <summary>The experts' numbers in the range, from 0; -1 for those outside.</summary>
    public long[] Number(long[] experts)
    {
        var (first, count) = this;
        return Array.ConvertAll(experts, expert => expert >= first && expert < first + count ? expert - first : -1);
    }
}
