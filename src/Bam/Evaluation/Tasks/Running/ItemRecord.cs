using System.Text.Json.Serialization;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>What a model answered to an item: one line of a task's JSONL file.</summary>
/// <param name="Key">A hash of the model and of all that it was shown; an item with the same is not computed again.</param>
/// <param name="Subset">The subset; empty for a task without subsets.</param>
/// <param name="Index">The item's place in the subset, from 0.</param>
/// <param name="Origin">The file and line of the item.</param>
/// <param name="Prompts">What the model read: one prompt, or one for each choice.</param>
/// <param name="Scores">The item's part in each figure, by metric and filter: <c>exact_match,strict-match</c>.</param>
internal sealed record ItemRecord(
    string Key, string Subset, int Index, string Origin, IReadOnlyList<string> Prompts,
    IReadOnlyDictionary<string, double> Scores)
{
    /// <summary>What was scored after the prompt.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<ScoredChoice>? Choices { get; init; }

    /// <summary>The right choice, from 0.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Gold { get; init; }

    /// <summary>What the model wrote.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Generated { get; init; }

    /// <summary>What was scored of that, by filter.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string>? Filtered { get; init; }

    /// <summary>The right texts.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Answers { get; init; }

    /// <summary>How a program ended.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Verdict { get; init; }
}

/// <summary>A choice and how likely it is.</summary>
/// <param name="Text">The continuation, with what stands before it.</param>
/// <param name="LogLikelihood">In nats.</param>
/// <param name="IsGreedy">Whether each of its tokens is the most likely one.</param>
internal sealed record ScoredChoice(string Text, double LogLikelihood, bool IsGreedy);
