using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Running;
using Bam.Experiments.Recipes;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>
/// Checks that the models can read the choices of a downstream task, before any of them is trained.
/// </summary>
internal sealed class PromptsPhase(MeasuredTask task, PromptsSettings settings, TokenizerPhase tokenizer, FileHashes hashes)
    : Phase("prompts", task.Name, settings, [PhaseNeed.Of(tokenizer)], TaskPhase.FilesOf(task, hashes))
{
    private PromptsSettings Settings => (PromptsSettings)SettingsRecord;

    /// <inheritdoc/>
    /// <exception cref="InvalidInputException">A choice has more tokens than the models have positions.</exception>
    public override JsonObject Run(PhaseContext context)
    {
        var task = TaskLibrary.Load(Name, Settings.Definition, TaskPhase.PathsOf(Files), Settings.Limit);
        var file = All<TokenizerPhase>().Single().FileIn(context.Store);
        var encoding = TaskEncoding.Of(Tokenizer.Load(file), Path.GetDirectoryName(file)!, Settings.BeginOfText);
        var (items, longest) = (0, 0);
        foreach (var item in task.Subsets.SelectMany(subset => subset.Items))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            items++;
            foreach (var request in TaskRunner.RequestsOf(item)) longest = Math.Max(longest, LengthOf(encoding, request, item));
        }

        return new JsonObject { ["items"] = items, ["longest_choice"] = longest };
    }

    private int LengthOf(TaskEncoding encoding, ContinuationRequest request, TaskItem item)
    {
        try
        {
            var tokens = encoding.EncodePair(request.Context, request.Continuation).Continuation.Length;
            TaskEncoding.RequireLength(request.Continuation, tokens, Settings.Positions);
            return tokens;
        }
        catch (InvalidInputException e)
        {
            throw new InvalidInputException($"task {Name}, {item.Row.Origin}: {e.Message}", e);
        }
    }
}

/// <summary>The settings of a <see cref="PromptsPhase"/>.</summary>
internal sealed record PromptsSettings
{
    /// <summary>The task, with what the recipe changes.</summary>
    public required TaskDefinition Definition { get; init; }

    /// <summary>Only so many items of each subset; null for all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required int? Limit { get; init; }

    /// <summary>The most tokens that the models read.</summary>
    public required int Positions { get; init; }

    /// <summary>The models' begin token; null without one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public required int? BeginOfText { get; init; }
}
