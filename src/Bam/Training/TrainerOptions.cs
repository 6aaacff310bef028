using Bam.Evaluation;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>What a caller adds to a run. None of it changes the result.</summary>
internal sealed record TrainerOptions
{
    /// <summary>What the run is called in progress lines: "train law".</summary>
    public string Activity { get; init; } = "train";

    /// <summary>Told what is going on.</summary>
    public IReporter Reporter { get; init; } = SilentReporter.Instance;

    /// <summary>Measures the model every <see cref="TrainingSettings.EvaluateEvery"/> steps, on the training thread; null for never.</summary>
    public IEvaluation? Evaluation { get; init; }

    /// <summary>True: the rate of a matrix product is measured, for <see cref="StepMetrics.FractionOfPeak"/>.</summary>
    public bool MeasurePeak { get; init; } = true;

    /// <summary>Cancellation token: the run saves at the next step's end and throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }
}
