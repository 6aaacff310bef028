namespace Bam.Experiments.Reporting;

/// <summary>How far several runs lie apart at one point of a <see cref="LossCurve"/>.</summary>
/// <param name="X">Where the training is.</param>
/// <param name="Low">The lowest loss of them.</param>
/// <param name="High">The highest.</param>
internal readonly record struct LossRange(double X, double Low, double High);
