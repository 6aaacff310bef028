namespace Bam.Checkpoints;

/// <summary>The parameters of one kind.</summary>
/// <param name="Kind">What they do.</param>
/// <param name="Tensors">How many tensors there are.</param>
/// <param name="Parameters">How many numbers they hold together.</param>
internal sealed record ComponentSize(ParameterKind Kind, int Tensors, long Parameters);
