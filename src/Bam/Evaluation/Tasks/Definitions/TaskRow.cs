using System.Text.Json.Nodes;
using Bam.Files;

namespace Bam.Evaluation.Tasks.Definitions;

/// <summary>One row of a task's file.</summary>
/// <param name="Fields">Its values by name.</param>
/// <param name="Origin">The file and the line or row, for messages.</param>
internal sealed record TaskRow(JsonObject Fields, string Origin)
{
    private const int MaxNames = 12;

    /// <summary>The row with a further field; one that it has already stays.</summary>
    public TaskRow With(string name, JsonNode? value)
    {
        if (Fields.ContainsKey(name)) return this;
        var fields = (JsonObject)Fields.DeepClone();
        fields[name] = value;
        return this with { Fields = fields };
    }

    /// <summary>The value of a field.</summary>
    /// <exception cref="InvalidInputException">The row lacks it.</exception>
    public JsonNode? Get(FieldPath path) =>
        path.TryGet(Fields, out var value)
            ? value
            : throw new InvalidInputException(
                Origin, $"the field \"{path}\"", Names(), "give a file with that field, or name it under 'fields' of the task");

    private string Names()
    {
        var names = Fields.Take(MaxNames).Select(field => $"\"{ShortText.Of(field.Key, 40)}\"").ToList();
        return names.Count == 0 ? "no field" : $"only {string.Join(", ", names)}{(Fields.Count > MaxNames ? " …" : "")}";
    }
}
