using Bam.Configuration;
using Bam.Data;
using Bam.Tokenization.Training;

namespace Bam.Experiments.Recipes;

/// <summary>One domain's text.</summary>
internal sealed record RecipeDomain : ICheckedSection
{
    private const string DefaultTextKey = "text";

    [Key(
        "the text: files (.txt, .jsonl, .parquet; also .gz, .zst), folders, or patterns such as 'law/*.txt'; relative to the "
        + "recipe, or to the output of 'prepare'")]
    public required IReadOnlyList<string> Files { get; init; }

    [Key("the field of a .jsonl line, or the .parquet column, that holds the text")]
    public string TextKey { get; init; } = DefaultTextKey;

    [Key(
        "the field of a .jsonl line, or the .parquet column, that names the document of which the line or row is a slice; if "
        + "omitted, each is a document")]
    public string? GroupKey { get; init; }

    [Key("the line that separates the documents of a text file; if omitted, a file is a document")]
    public string? SectionSeparator { get; init; }

    [Key(
        "how many unreadable .jsonl lines or .parquet rows are skipped, with a warning; more are an error; none if omitted",
        Minimum = 0)]
    public long? SkipBadLines { get; init; }

    [Key(
        "text, or chat: each line of .jsonl is a conversation ('messages', or ShareGPT's 'conversations'), which the tokenizer's "
        + "chat template turns into text")]
    public DataFormat Format { get; init; }

    [Key("with format chat: the tokens that models are trained and measured on, all or assistant (the answers)")]
    public LossOn LossOn { get; init; }

    [Key(
        "with format chat: the name of one of the tokenizer's chat templates, or a .jinja file; if omitted, tool_use for "
        + "conversations with tools if there is one, else default",
        IsPath = true)]
    public string? Template { get; init; }

    /// <summary>True if a key is set that only .jsonl and .parquet files use.</summary>
    internal bool HasFieldKeys => TextKey != DefaultTextKey || GroupKey is not null || Format == DataFormat.Chat;

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Format == DataFormat.Chat) return;
        if (LossOn != LossOn.All) throw section.Fault("loss_on", "key 'loss_on' has no meaning without 'format: chat'; add it");
        if (Template is not null) throw section.Fault("template", "key 'template' has no meaning without 'format: chat'; add it");
    }
}

/// <summary>How the text of all domains becomes token shards.</summary>
internal sealed record RecipeData
{
    [Key(
        "the part of each domain's tokens that models are measured on and never trained on, in whole documents",
        Minimum = 0, AboveMinimum = true, Maximum = 0.5)]
    public double HeldOutFraction { get; init; } = 0.05;

    [Key("the most tokens of a domain that are held out", Minimum = 2)]
    public long HeldOutMaxTokens { get; init; } = 1_000_000;

    [Key(
        "where the begin token of the tokenizer's template is put: before each document, at the beginning of each window, or "
        + "nowhere; if omitted, before each document, provided that the template has one",
        ChangesResult = false)] // a data phase's own settings have the resulting place
    public BeginOfText? Bos { get; init; }

    [Key(
        "the similarity of 50-character shingles from which two documents count as the same and one is dropped",
        Minimum = 0, AboveMinimum = true, Maximum = 1)]
    public double NearDuplicateSimilarity { get; init; } = 0.5;

    [Key(
        "a training document that shares more than this part of its 50-character shingles with a held-out one is dropped",
        Minimum = 0, Maximum = 1)]
    public double ContaminationShare { get; init; } = 0.2;
}

/// <summary>The tokenizer: trained on the domains' text, or a file.</summary>
internal sealed record RecipeTokenizer : ICheckedSection
{
    /// <summary>The keys of a tokenizer that is trained.</summary>
    internal static readonly string[] TrainingKeys = ["vocab_size", "style", "megabytes_per_domain"];

    /// <summary>Null to train one, or to use the seed checkpoint's.</summary>
    [Key(
        "a tokenizer.json, or a directory that holds one; instead of training one", IsPath = true, ChangesResult = false)]
    public string? Path { get; init; }

    [Key("the entries of the tokenizer that is trained, special tokens included", Minimum = 257)]
    public int VocabSize { get; init; } = 8192;

    [Key("how the tokenizer that is trained splits text into words before it merges pairs")]
    public TokenizerStyle Style { get; init; }

    [Key(
        "how many megabytes (10^6 bytes) of each domain's text the tokenizer is trained on", Minimum = 0, AboveMinimum = true)]
    public double MegabytesPerDomain { get; init; } = 2;

    /// <inheritdoc/>
    public void Check(SectionLocation section)
    {
        if (Path is null) return;
        if (TrainingKeys.FirstOrDefault(section.Has) is { } key)
            throw section.Fault(key, $"key 'tokenizer.{key}' and key 'tokenizer.path' exclude each other; keep one");
    }
}
