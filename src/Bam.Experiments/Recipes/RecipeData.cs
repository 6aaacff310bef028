using Bam.Configuration;
using Bam.Data;

namespace Bam.Experiments.Recipes;

/// <summary>How the domains' text becomes token shards; the same for all domains.</summary>
internal sealed record RecipeData
{
    /// <summary>The part of a domain's tokens that models are measured on.</summary>
    [Key("the part of each domain's tokens that models are measured on and never trained on, in whole documents", Minimum = 0, AboveMinimum = true, Maximum = 0.5)]
    public double HeldOutFraction { get; init; } = 0.05;

    /// <summary>The most tokens of a domain that are held out.</summary>
    [Key("the most tokens of a domain that are held out", Minimum = 2)]
    public long HeldOutMaxTokens { get; init; } = 1_000_000;

    /// <summary>Where begin tokens stand; null for before each document, if the tokenizer's template has some.</summary>
    [Key(
        "where the token stands that the tokenizer's template puts before a text: before each document, at the beginning of each window, or nowhere; document when absent and the template has one",
        ChangesResult = false)] // a data phase's own settings hold what comes of it
    public BeginOfText? Bos { get; init; }

    /// <summary>From which similarity two documents count as the same.</summary>
    [Key("the similarity of 50-character shingles from which two documents count as the same and one is dropped", Minimum = 0, AboveMinimum = true, Maximum = 1)]
    public double NearDuplicateSimilarity { get; init; } = 0.5;

    /// <summary>Up to which shared part a training document stays.</summary>
    [Key("a training document that shares more than this part of its 50-character shingles with a held-out one is dropped", Minimum = 0, Maximum = 1)]
    public double ContaminationShare { get; init; } = 0.2;
}
