using Bam.Evaluation;
using Bam.Models;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>What a caller adds to a run. None of it changes the result.</summary>
public sealed record TrainerOptions
{
    /// <summary>What the run is called in progress lines: "train law".</summary>
    public string Activity { get; init; } = "train";

    /// <summary>Told what is going on.</summary>
    public IReporter Reporter { get; init; } = SilentReporter.Instance;

    /// <summary>
    /// Measures the model on held-out text, by domain, every <see cref="TrainingSettings.EvaluateEvery"/> steps; on the training thread.
    /// When it throws <see cref="OperationCanceledException"/> the evaluation is done after the resume.
    /// </summary>
    public Func<LanguageModel, CancellationToken, IReadOnlyDictionary<string, DomainEvaluation>>? Evaluate { get; init; }

    /// <summary>True: the rate of a matrix product is measured, for <see cref="StepMetrics.FractionOfPeak"/>.</summary>
    public bool MeasurePeak { get; init; } = true;

    /// <summary>Cancellation token: the run saves at the next step's end and throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }
}
