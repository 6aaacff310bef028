namespace Bam.Training.Metrics;

/// <summary>Where a run's metrics go.</summary>
internal interface IMetricsSink : IDisposable
{
    /// <summary>Records the training's figures.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Write(StepMetrics metrics);

    /// <summary>Records an evaluation.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Write(EvaluationMetrics metrics);

    /// <summary>Hands everything recorded so far to the operating system; what is not handed over may get lost on disposal.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    void Flush();
}
