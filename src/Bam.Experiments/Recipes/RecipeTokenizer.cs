using Bam.Configuration;
using Bam.Tokenization.Training;

namespace Bam.Experiments.Recipes;

/// <summary>Where the tokenizer comes from: trained on the domains' text, or a file.</summary>
internal sealed record RecipeTokenizer : ICheckedSection
{
    /// <summary>The keys of a tokenizer that is trained.</summary>
    internal static readonly string[] TrainingKeys = ["vocab_size", "style", "megabytes_per_domain"];

    /// <summary>A tokenizer.json or a directory that holds one; null to train, or to take the seed checkpoint's.</summary>
    [Key("a tokenizer.json, or a directory that holds one; instead of training one", IsPath = true, ChangesResult = false)]
    public string? Path { get; init; }

    /// <summary>The entries of a tokenizer that is trained, special tokens included.</summary>
    [Key("the entries of the tokenizer that is trained, special tokens included", Minimum = 257)]
    public int VocabSize { get; init; } = 8192;

    /// <summary>How text is cut before pairs are merged.</summary>
    [Key("how the tokenizer that is trained cuts text into words before it merges pairs")]
    public TokenizerStyle Style { get; init; }

    /// <summary>How much of each domain's text is read for training.</summary>
    [Key("how many megabytes (10^6 bytes) of each domain's text the tokenizer is trained on", Minimum = 0, AboveMinimum = true)]
    public double MegabytesPerDomain { get; init; } = 2;

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Path is null) return;
        foreach (var key in TrainingKeys)
            if (section.Has(key)) throw section.Fault(key, $"key 'tokenizer.{key}' and key 'tokenizer.path' exclude each other; keep one");
    }
}
