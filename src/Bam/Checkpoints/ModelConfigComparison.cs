using System.Text.Json.Nodes;

namespace Bam.Checkpoints;

/// <summary>What two configurations differ in.</summary>
internal static class ModelConfigComparison
{
    /// <summary>With the same weights, models that differ in these alone give the same logits.</summary>
    private static readonly HashSet<string> Inert =
    [
        "max_position_embeddings", "router_aux_loss_coef", "router_z_loss_coef", "bos_token_id", "eos_token_id", "pad_token_id", "torch_dtype",
    ];

    /// <summary>Every key with different values, in the order of the format.</summary>
    public static IReadOnlyList<ConfigDifference> Differences(ModelConfig first, ModelConfig second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var firstValues = JsonNode.Parse(first.ToJson())!.AsObject();
        var secondValues = JsonNode.Parse(second.ToJson())!.AsObject();
        return
        [
            .. firstValues.Select(pair => pair.Key).Union(secondValues.Select(pair => pair.Key))
                .Where(key => !JsonNode.DeepEquals(firstValues[key], secondValues[key]))
                .Select(key => new ConfigDifference(key, Describe(firstValues[key]), Describe(secondValues[key]), !Inert.Contains(key))),
        ];
    }

    private static string Describe(JsonNode? value) => value?.ToJsonString() ?? "null";
}
