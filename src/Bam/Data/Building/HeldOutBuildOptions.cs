namespace Bam.Data.Building;

/// <summary>How text that is only measured on becomes token shards.</summary>
internal sealed record HeldOutBuildOptions
{
    /// <summary>The folder to make; see <see cref="DataBuildOptions.Output"/>. There is nothing to train on in it.</summary>
    public required string Output { get; init; }

    /// <summary>The text's name.</summary>
    public required string Name { get; init; }

    /// <summary>The tokenizer.</summary>
    public required TextEncoder Encoder { get; init; }

    /// <summary>The files that the documents come from; none where they were made of other shards.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>How documents lie in the files.</summary>
    public Text.DocumentFormat Format { get; init; } = new("text");

    /// <summary>Told of bad lines that are passed over.</summary>
    public IReporter Reporter { get; init; } = SilentReporter.Instance;

    /// <summary>The most tokens.</summary>
    public long MaxTokens { get; init; } = long.MaxValue;

    /// <summary>Which documents are kept where there are more tokens.</summary>
    public long Seed { get; init; }
}
