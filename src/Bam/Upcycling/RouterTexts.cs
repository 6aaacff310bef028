namespace Bam.Upcycling;

/// <summary>What routers are calibrated on.</summary>
/// <param name="Inputs">A text of each model's domain, in the order of the experts: a file, a folder or a pattern.</param>
/// <param name="Tokens">The most tokens of each.</param>
internal sealed record RouterTexts(IReadOnlyList<string> Inputs, int Tokens)
{
    /// <summary>How many lines of JSONL that cannot be read are passed over in each.</summary>
    public long SkipBadLines { get; init; }
}
