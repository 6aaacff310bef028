using System.Text.Json.Serialization;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>What a model answered to an item: one line of a task's JSONL file.</summary>
/// <param name="Key">A hash of the model and of all that it was shown; an item with the same is not computed again.</param>
/// <param name="Subset">The subset; empty for a task without subsets.</param>
/// <param name="Index">The item's place in the subset, from 0.</param>
/// <param name="Origin">The file and line of the item.</param>
/// <param name="Prompts">What the model read: one prompt, or one for each choice.</param>
/// <param name="Choices">What was scored after it.</param>
/// <param name="Gold">The right choice, from 0.</param>
/// <param name="Generated">What the model wrote.</param>
/// <param name="Filtered">What was scored of that, by filter.</param>
/// <param name="Answers">The right texts.</param>
/// <param name="Verdict">How a program ended.</param>
/// <param name="Scores">The item's part in each figure, by metric and filter: <c>exact_match,strict-match</c>.</param>
internal sealed record ItemRecord(
    string Key, string Subset, int Index, string Origin, IReadOnlyList<string> Prompts,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<ScoredChoice>? Choices,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? Gold,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Generated,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string>? Filtered,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Answers,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Verdict,
    IReadOnlyDictionary<string, double> Scores);

/// <summary>A choice and how likely it is.</summary>
/// <param name="Text">The continuation, with what stands before it.</param>
/// <param name="LogLikelihood">In nats.</param>
/// <param name="IsGreedy">Whether each of its tokens is the most likely one.</param>
internal sealed record ScoredChoice(string Text, double LogLikelihood, bool IsGreedy);
