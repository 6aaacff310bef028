using Bam.Configuration;
using Bam.Training;

namespace Bam.Experiments.Recipes;

/// <summary>A mixture of the seed and the experts, and the training it gets.</summary>
public sealed record RecipeMixture : ICheckedSection
{
    /// <summary>How it is made.</summary>
    [Key("how the mixture is made")]
    public required MixtureMethod Method { get; init; }

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

    /// <summary>The shares of the domains; null for equal ones.</summary>
    [Key("the shares of the domains in the mixture's training; equal when absent", Minimum = 0, AboveMinimum = true)]
    public IReadOnlyDictionary<string, double>? Shares { get; init; }

    /// <summary>A budget taken from another mixture's; null when tokens or steps set it, or when nothing is trained.</summary>
    [Key("a budget that equals another mixture's; instead of 'tokens'")]
    public BudgetMatch? Match { get; init; }

    /// <summary>How it is trained; without tokens, steps or match it is only mixed.</summary>
    [Flattened]
    public TrainingSettings Training { get; init; } = new() { LearningRate = 1e-3 };

    /// <summary>False: the mixture is measured as it was mixed.</summary>
    public bool IsTrained => Match is not null || Training.Tokens is not null || Training.Steps is not null;

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Match is not null)
            foreach (var key in new[] { "tokens", "steps" })
                if (section.Has(key)) throw section.Fault(key, $"key '{key}' and key 'match' exclude each other; keep one");
        if (Method != MixtureMethod.Bam)
        {
            if (ShareKeyValue) throw Meaningless(section, "share_key_value");
            if (AttentionTopK is not null) throw Meaningless(section, "attention_top_k");
        }

        if (Method != MixtureMethod.Soup) return;
        if (Experts is not null) throw Meaningless(section, "experts");
        if (TopK != 1) throw Meaningless(section, "top_k");
        if (NormTopk) throw Meaningless(section, "norm_topk");
    }

    private InvalidInputException Meaningless(SectionLocation section, string key) =>
        section.Fault(key, $"key '{key}' has no meaning for method {Method.ToString().ToLowerInvariant()}; remove it");
}
