using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Configuration;
using Bam.Files;
using Bam.Models;

namespace Bam.Experiments.Recipes;

/// <summary>The seed's sizes as the recipe gives them: <c>config.json</c> without what the rest of the recipe implies.</summary>
internal sealed class SeedSizes(JsonObject keys, string where, int maxPositions)
{
    /// <summary>The keys that are written, the defaults that do not follow from a tokenizer filled in.</summary>
    public JsonObject Keys { get; } = WithDefaults(keys, maxPositions);

    /// <summary>"recipe.yaml:4", for errors.</summary>
    public string Where => where;

    /// <summary>The sizes in <c>model</c> of a recipe, which must have it.</summary>
    /// <exception cref="InvalidInputException">They do not make a dense model.</exception>
    public static SeedSizes Of(Recipe recipe)
    {
        var model = recipe.Model!;
        var keys = KeysOf(model);
        int[] lengths =
        [
            recipe.Seed.Training.SequenceLength, recipe.Evaluation.SequenceLength ?? 1,
            .. recipe.Experts.Values.Select(expert => expert.Training.SequenceLength),
            .. recipe.Mixtures.Values.Select(mixture => mixture.Training.SequenceLength),
        ];
        var text = recipe.Latency is { } latency ? latency.PromptTokens + latency.NewTokens : 0;
        var sizes = new SeedSizes(keys, model.Where, Math.Max(lengths.Max(), text));
        var config = sizes.For(recipe.Tokenizer.VocabSize, endOfTextId: null);
        if (config.IsMixture)
        {
            throw new InvalidInputException(
                model.Where, "a dense model", "experts", "the mixtures' sections say how many experts there are");
        }

        Require(lengths.Max(), "the longest sequence_length", "raise it or shorten the windows");
        Require(text, "the prompt and new tokens of 'latency'", "raise it or shorten the text");
        return sizes;

        void Require(int positions, string what, string hint)
        {
            if (config.LongestInput >= positions) return;
            throw new InvalidInputException(
                $"{model.Where}: max_position_embeddings",
                $"at least {positions}, {what}",
                $"{config.LongestInput}",
                hint);
        }
    }

    /// <summary>The whole configuration for a tokenizer.</summary>
    /// <exception cref="InvalidInputException">A key is unknown or the sizes do not fit together.</exception>
    public ModelConfig For(int vocabSize, int? endOfTextId)
    {
        var whole = (JsonObject)Keys.DeepClone();
        whole["vocab_size"] ??= vocabSize;
        whole["eos_token_id"] ??= endOfTextId;
        return ModelConfigReader.Parse(whole.ToJsonString(), where, SilentReporter.Instance);
    }

    // A preset's vocabulary is the paper's; a recipe's is its tokenizer's, unless the keys say otherwise.
    private static JsonObject KeysOf(InlineValue model)
    {
        if (model.Scalar is { } name && !name.Contains('/')) return KeysOf(new JsonObject { ["preset"] = name }, model.Where);
        var json = model.Scalar is { } path
            ? InputFile.ReadAllText(path, "write the sizes inline, or name a config.json or a preset")
            : model.Json;
        _ = new JsonFields(json, model.Scalar ?? model.Where);  // refuses what is not one object, with each key once
        return KeysOf(JsonNode.Parse(json)!.AsObject(), model.Where);
    }

    private static JsonObject KeysOf(JsonObject written, string where)
    {
        var keys = ModelPresets.Expand(written, where);
        if (keys != written && !written.ContainsKey("vocab_size")) keys.Remove("vocab_size");
        return keys;
    }

    private static JsonObject WithDefaults(JsonObject keys, int maxPositions)
    {
        var whole = (JsonObject)keys.DeepClone();
        whole["model_type"] ??= "bam";
        whole["num_key_value_heads"] ??= whole["num_attention_heads"]?.DeepClone();
        whole["max_position_embeddings"] ??= maxPositions;
        if (whole["head_dim"] is null
            && Number(whole["hidden_size"]) is { } hidden
            && Number(whole["num_attention_heads"]) is > 0 and { } heads)
        {
            whole["head_dim"] = hidden / heads;
        }

        return whole;
    }

    private static int? Number(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue<double>(out var number) ? (int)number : null;
}
