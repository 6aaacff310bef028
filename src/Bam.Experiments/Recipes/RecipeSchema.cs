using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Configuration;

namespace Bam.Experiments.Recipes;

/// <summary>The JSON schema of recipe.yaml: every key, its default and its meaning.</summary>
internal static class RecipeSchema
{
    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The schema as indented JSON text.</summary>
    public static string Write()
    {
        var schema = JsonNode.Parse(ConfigSchema.Write<Recipe>("A recipe of Bam"))!.AsObject();
        var properties = schema["properties"]!.AsObject();
        var training = JsonNode.Parse(ConfigSchema.Write<CommonTraining>("training"))!.AsObject();
        foreach (var key in new[] { "$schema", "title" }) training.Remove(key);
        training["description"] = "training keys for every phase that does not set them itself";
        properties[CommonTraining.Key] = training;
        properties["extends"] = new JsonObject
        {
            ["type"] = "string",
            ["description"] = "a file in the same folder; its keys are used where this file has none",
        };
        JsonNode[] phases =
        [
            training,
            properties["seed"]!,
            properties["experts"]!["additionalProperties"]!,
            properties["mixtures"]!["additionalProperties"]!,
        ];
        // RecipeReader fills in what is common to all phases.
        foreach (var phase in phases.Select(phase => phase.AsObject()))
        {
            if (phase["required"] is not JsonArray required) continue;
            required.RemoveAll(name => (string?)name == "learning_rate");
            if (required.Count == 0) phase.Remove("required");
        }

        return schema.ToJsonString(Indented);
    }
}
