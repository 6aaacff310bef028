using System.Text.Json.Nodes;

namespace Bam.Checkpoints;

/// <summary>What two configurations differ in.</summary>
internal static class ModelConfigComparison
{
    /// <summary>With the same weights, models that differ in these alone give the same logits.</summary>
    private static readonly HashSet<string> Inert =
        [.. ModelConfigJson.Keys.Where(key => !key.Attribute.ChangesResult).Select(key => key.Name)];

    /// <summary>Every key with different values, in the order of the format.</summary>
    public static IReadOnlyList<ModelConfigDifference> Differences(ModelConfig first, ModelConfig second)
    {
        var firstValues = JsonNode.Parse(first.ToJson())!.AsObject();
        var secondValues = JsonNode.Parse(second.ToJson())!.AsObject();
        return
        [
            .. firstValues.Select(pair => pair.Key).Union(secondValues.Select(pair => pair.Key))
                .Where(key => !JsonNode.DeepEquals(firstValues[key], secondValues[key]))
                .Select(
                    key => new ModelConfigDifference(
                        key, Describe(firstValues[key]), Describe(secondValues[key]), !Inert.Contains(key))),
        ];
    }

    private static string Describe(JsonNode? value) => value?.ToJsonString() ?? "null";
}

/// <summary>A key of <c>config.json</c> that two models have with different values.</summary>
/// <param name="Key">The key.</param>
/// <param name="First">The first model's value as JSON; "null" where absent.</param>
/// <param name="Second">The second model's.</param>
/// <param name="ChangesArithmetic">False for keys that concern the file, generation or the training loss only.</param>
internal sealed record ModelConfigDifference(string Key, string First, string Second, bool ChangesArithmetic);
