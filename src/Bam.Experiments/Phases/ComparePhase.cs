using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Evaluation.Tasks.Scoring;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>Compares models on a downstream task with the first of them, item by item.</summary>
internal sealed class ComparePhase(string task, IReadOnlyList<(string Model, TaskPhase Answers)> models)
    : Phase(
        "compare",
        task,
        new CompareSettings { Against = models[0].Model },
        [.. models.Select(model => new PhaseNeed(model.Model, model.Answers))])
{
    /// <summary>The model that the others are compared with.</summary>
    public string Against => ((CompareSettings)SettingsRecord).Against;

    /// <summary>The differences of a finished phase, by model and metric.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, PairedDifference>> DifferencesIn(PhaseStore store) =>
        store.OutcomeOf(this).Read<Dictionary<string, IReadOnlyDictionary<string, PairedDifference>>>();

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var reference = ((TaskPhase)Needs.Single(need => need.Role == Against).Phase).AnswersIn(context.Store);
        return new JsonObject(Needs.Where(need => need.Role != Against).Select(need =>
        {
            var differences = reference.DifferencesTo(((TaskPhase)need.Phase).AnswersIn(context.Store));
            var byMetric = reference.Figures.Zip(differences).ToDictionary(pair => pair.First.Metric, pair => pair.Second);
            return KeyValuePair.Create(need.Role, JsonSerializer.SerializeToNode(byMetric, JsonRecord.Options));
        }));
    }
}

/// <summary>The settings of a <see cref="ComparePhase"/>.</summary>
internal sealed record CompareSettings
{
    /// <summary>The model that the others are compared with.</summary>
    public required string Against { get; init; }
}
