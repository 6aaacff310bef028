using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>The parameters of one kind.</summary>
/// <param name="Kind">What they do.</param>
/// <param name="Total">All of them, over all layers and experts.</param>
/// <param name="Active">Those that one token meets.</param>
internal sealed record ComponentParameters(ParameterKind Kind, long Total, long Active);
