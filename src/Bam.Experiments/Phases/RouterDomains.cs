namespace Bam.Experiments.Phases;

/// <summary>What the routers of a mixture are calibrated on.</summary>
/// <param name="Data">Each model's domain, in the order of the experts.</param>
/// <param name="Tokens">The most tokens of each.</param>
/// <param name="Device">Where the seed reads them: "auto", "cpu", "cuda:0".</param>
internal sealed record RouterDomains(IReadOnlyList<DataPhase> Data, int Tokens, string Device);
