using Bam.Experiments.Findings;
using Bam.Experiments.Phases;

namespace Bam.Experiments;

/// <summary>One model of an experiment: where it comes from and where it is measured.</summary>
/// <param name="Name">The name in the tables.</param>
/// <param name="Kind">What it is.</param>
/// <param name="Domain">The domain that an expert was specialised on.</param>
/// <param name="Origin">The phase that makes it.</param>
/// <param name="Evaluation">The phase that measures it.</param>
/// <param name="Budget">Finds its training's length where it is matched to another mixture's.</param>
internal sealed record ExperimentModel(string Name, ModelKind Kind, string? Domain, ModelPhase Origin, EvaluatePhase Evaluation, BudgetPhase? Budget)
{
    /// <summary>The phase that measures it on the probes; null without any.</summary>
    public EvaluatePhase? Probes { get; init; }
}
