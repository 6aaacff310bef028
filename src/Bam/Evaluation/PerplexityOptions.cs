namespace Bam.Evaluation;

/// <summary>How perplexity is measured.</summary>
internal sealed record PerplexityOptions
{
    /// <summary>T, the inputs of a window. Perplexities of different window lengths do not compare.</summary>
    public required int WindowLength { get; init; }

    /// <summary>The windows of one batch; changes speed and memory, not the result.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>The token that each window begins with, before its text; null for none. With one, the text's first token is predicted, too.</summary>
    public int? BeginOfWindow { get; init; }

    /// <summary>Reads only the first windows of a text, up to this many targets; null for the whole text.</summary>
    public long? MaxTargets { get; init; }
}
