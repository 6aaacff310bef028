using Bam.Configuration;
using Bam.Training;
using Bam.Upcycling;

namespace Bam.Experiments.Recipes;

/// <summary>A mixture of the seed and the experts, and the training it gets.</summary>
internal sealed record RecipeMixture : ICheckedSection
{
    /// <summary>How it is made.</summary>
    [Key("how the mixture is made")]
    public required MixtureMethod Method { get; init; }

    /// <summary>The experts that are mixed with the seed; null for all.</summary>
    [Key("the experts that are mixed with the seed; all of them when absent")]
    public IReadOnlyList<string>? Of { get; init; }

    /// <summary>One K and V for all attention experts.</summary>
    [Key("bam: true for one key and value projection for all attention experts")]
    public bool ShareKeyValue { get; init; }

    /// <summary>M; null for one a model.</summary>
    [Key("the feed-forward experts; more than there are models adds copies of the seed's; one a model when absent", Minimum = 2)]
    public int? Experts { get; init; }

    /// <summary>k, the feed-forward experts of one token.</summary>
    [Key("the feed-forward experts of one token", Minimum = 1)]
    public int TopK { get; init; } = 1;

    /// <summary>The k weights are divided by their sum (Mixtral).</summary>
    [Key("true to divide the weights of a token's feed-forward experts by their sum, as Mixtral does")]
    public bool NormTopk { get; init; }

    /// <summary>The attention experts of one token; null for soft routing.</summary>
    [Key("bam: the attention experts of one token; all of them, softly, when absent", Minimum = 1)]
    public int? AttentionTopK { get; init; }

    /// <summary>What the attention experts start from.</summary>
    [Key("bam: what the attention experts start from; the paper copies each from its own model")]
    public AttentionInitialization AttentionInit { get; init; }

    /// <summary>The tokens of each model's domain that its routers are calibrated on; null for random routers.</summary>
    [Key(
        "bam and btx: calibrated routers instead of random ones: the tokens that the seed reads of each model's domain, the "
        + "seed's own being 'general_domain'",
        Minimum = 1)]
    public int? RouterTokens { get; init; }

    /// <summary>The shares of the domains; null for those by <see cref="ShareBy"/>.</summary>
    [Key("the shares of the domains in the mixture's training; by 'share_by' when absent", Minimum = 0, AboveMinimum = true)]
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    /// <summary>How the shares are found where <see cref="Shares"/> does not set them.</summary>
    [Key(
        "how the shares are found: the same for all domains, in proportion to their training tokens, or to the untrained "
        + "mixture's loss on held-out text")]
    public ShareBy ShareBy { get; init; }

    /// <summary>A budget taken from another mixture's; null when tokens or steps set it, or when nothing is trained.</summary>
    [Key("a budget that equals another mixture's; instead of 'tokens'")]
    public BudgetMatch? Match { get; init; }

    /// <summary>How it is trained; without tokens, steps or match it is only mixed.</summary>
    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };

    /// <summary>False: the mixture is measured as it was mixed.</summary>
    public bool IsTrained => Match is not null || Training.Tokens is not null || Training.Steps is not null;

    /// <summary>The method as a recipe names it.</summary>
    public string MethodName => Method.ToString().ToLowerInvariant();

    /// <summary>The method of <see cref="Upcycler"/>; a dense control, which is not mixed, has the options of a soup.</summary>
    public string MixedBy => Method == MixtureMethod.Dense ? "soup" : MethodName;

    /// <summary>The options of <see cref="Upcycler"/> for models of these names, without M and the routers' options.</summary>
    public MixtureOptions OptionsFor(string seed, IReadOnlyList<string> experts) => new()
    {
        Seed = seed,
        Experts = experts,
        ShareKeyValue = ShareKeyValue,
        AttentionTopK = AttentionTopK,
        AttentionInitialization = AttentionInit,
        TopK = TopK == 1 ? null : TopK,
        NormTopK = NormTopk,
    };

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Match is not null)
            foreach (var key in new[] { "tokens", "steps" })
                if (section.Has(key)) throw section.Fault(key, $"key '{key}' and key 'match' exclude each other; keep one");
        if (Shares is not null && section.Has("share_by"))
            throw section.Fault("share_by", "key 'share_by' and key 'shares' exclude each other; keep one");
        if (Of is not null && Method is MixtureMethod.Sparse or MixtureMethod.Dense)
            throw section.Fault("of", $"key 'of' has no meaning for method {MethodName}; remove it");
    }
}
