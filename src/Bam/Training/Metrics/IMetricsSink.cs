namespace Bam.Training.Metrics;

/// <summary>Where a run's metrics go.</summary>
public interface IMetricsSink : IDisposable
{
    /// <summary>Records the training's figures.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Write(StepMetrics metrics);

    /// <summary>Records an evaluation.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Write(EvaluationMetrics metrics);
}
