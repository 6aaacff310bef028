namespace Bam;

/// <summary>Where one activity stands. The rate and the time left follow from two of these.</summary>
/// <param name="Activity">What is being done, in one or two words: "train btx", "tokenize law".</param>
/// <param name="Done">How much is done, in <paramref name="Unit"/>; starts above 0 in resumed work.</param>
/// <param name="Total">How much there is to do, in <paramref name="Unit"/>; 0 if unknown.</param>
/// <param name="Unit">The field's plural: "tokens", "bytes", "merges".</param>
/// <param name="Detail">What else is worth watching, "loss 3.214".</param>
public sealed record WorkProgress(string Activity, long Done, long Total, string Unit, string? Detail = null);
