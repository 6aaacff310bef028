namespace Bam.Models.Costs;

/// <summary>How long a phase takes, and whether it fits.</summary>
/// <param name="Phase">1 the seed, 2 the specialised copies, 3 a mixture.</param>
/// <param name="Model">What is trained.</param>
/// <param name="Models">How many of it, one after the other.</param>
/// <param name="Tokens">For each.</param>
/// <param name="Flops">For all.</param>
/// <param name="Seconds">For all.</param>
/// <param name="Memory">On each device.</param>
/// <param name="Fits">Whether that is there; null when it does not matter.</param>
/// <param name="LargestBatch">The largest micro-batch that fits, 0 when the parameters alone do not; null when it does not matter.</param>
internal sealed record PhaseEstimate(
    int Phase, string Model, int Models, double Tokens, double Flops, double Seconds, TrainingMemory Memory, bool? Fits, int? LargestBatch);
