using Bam.Evaluation;

namespace Bam.Training.Metrics;

/// <summary>One line of metrics on held-out text.</summary>
/// <param name="Step">The steps done.</param>
/// <param name="Evaluation">The figures by domain.</param>
internal sealed record EvaluationMetrics(long Step, IReadOnlyDictionary<string, DomainEvaluation> Evaluation);
