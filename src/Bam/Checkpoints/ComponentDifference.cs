namespace Bam.Checkpoints;

/// <summary>How the parameters of one kind differ between two checkpoints, over the tensors that both have in one shape.</summary>
/// <param name="Kind">What they do.</param>
/// <param name="Tensors">How many tensors were compared.</param>
/// <param name="EqualTensors">How many hold the same numbers.</param>
/// <param name="LargestDifference">The largest |a - b|; NaN where one of the two is NaN or both are infinite.</param>
/// <param name="RelativeDifference">‖a - b‖ / ‖a‖, Frobenius norms; NaN where a is all zeros and b is not.</param>
internal sealed record ComponentDifference(ParameterKind Kind, int Tensors, int EqualTensors, double LargestDifference, double RelativeDifference);
