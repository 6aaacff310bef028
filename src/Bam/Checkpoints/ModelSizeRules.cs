using System.Globalization;
using Bam.Checkpoints.Safetensors;

namespace Bam.Checkpoints;

/// <summary>
/// Refuses models whose table of parameters would fill the memory, before it is made: a damaged count costs no more than a line.
/// What a model asks for is counted on one block with at most two experts.
/// </summary>
internal static class ModelSizeRules
{
    /// <summary>The most tensors of a model: four times those of the largest public mixtures; a table of 100 MB.</summary>
    public const int MostTensors = 200_000;

    /// <summary>The most parameters, 10¹⁵; sums of bytes and FLOPs stay within their types.</summary>
    public const double MostParameters = 1e15;

    /// <summary>Tables up to this size are made at once: what a file lacks is then named tensor by tensor.</summary>
    private const int SmallTable = 10_000;

    /// <summary>Checks the counts of a configuration whose sizes are valid one by one.</summary>
    /// <exception cref="InvalidInputException">Names the key, what there may be and what is asked.</exception>
    public static void Check(ModelConfig config, ConfigPlace where, ShardSet? stored)
    {
        var (tensors, parameters) = Count(config);
        var (count, found) = LargestCount(config);
        if (stored is not null && tensors > SmallTable && stored.Tensors.Values.Sum(tensor => (double)tensor.Count) is var there
            && parameters > there)
        {
            throw new InvalidInputException(
                $"{where}: {where.Key(count)}",
                $"a model that the {stored.Tensors.Count} tensors ({Text(there)} numbers) beside it can hold",
                $"{found}, which asks for {Text(tensors)} tensors ({Text(parameters)} numbers)",
                "correct it, or copy the weights that belong to it");
        }

        if (tensors > MostTensors)
            throw new InvalidInputException(
                $"{where}: {where.Key(count)}", $"a model of at most {MostTensors} tensors",
                $"{found}, which asks for {Text(tensors)}", "correct it");
        if (parameters <= MostParameters) return;
        var (size, value) = LargestSize(config);
        throw new InvalidInputException(
            $"{where}: {where.Key(size)}", $"a model of at most {Text(MostParameters)} parameters",
            $"{value}, which makes it {Text(parameters)}", "correct it");
    }

    /// <summary>The largest of the sizes that the number of parameters grows with.</summary>
    public static (string Key, int Value) LargestSize(ModelConfig config) => Largest(
        ("vocab_size", config.VocabSize), ("hidden_size", config.HiddenSize), ("intermediate_size", config.IntermediateSize),
        LargestCount(config),
        ("num_attention_heads", config.NumAttentionHeads), ("head_dim", config.HeadDim));

    private static (string Key, int Value) LargestCount(ModelConfig config) => Largest(
        ("num_hidden_layers", config.NumHiddenLayers), ("num_attention_experts", config.NumAttentionExperts),
        ("num_local_experts", config.NumLocalExperts));

    private static (double Tensors, double Parameters) Count(ModelConfig config)
    {
        if (config.MlpOnlyLayers.Count == 0 || config.DenseIntermediateSize is not { } width)
            return Count(config, config.NumHiddenLayers);
        // Layers with and without experts.
        var denseLayers = Math.Min(config.MlpOnlyLayers.Count, config.NumHiddenLayers);
        var (tensors, parameters) = Count(config, config.NumHiddenLayers - denseLayers);
        var dense = config with { NumLocalExperts = 1, IntermediateSize = width, SharedExpertIntermediateSize = null };
        var (all, ofDense) = (Count(dense, denseLayers), Count(dense, layers: 0));
        return (tensors + all.Tensors - ofDense.Tensors, parameters + all.Parameters - ofDense.Parameters);
    }

    private static (double Tensors, double Parameters) Count(ModelConfig config, int layers)
    {
        var block = config with
        {
            NumHiddenLayers = 1,
            MlpOnlyLayers = [],
            NumAttentionExperts = Math.Min(2, config.NumAttentionExperts),
            NumLocalExperts = Math.Min(2, config.NumLocalExperts),
        };
        double tensors = 0, parameters = 0;
        foreach (var parameter in ParameterTable.Of(block))
        {
            var times = parameter.Layer < 0 ? 1 : layers;
            var isFeedForward = parameter.Kind is ParameterKind.FeedForwardRouter
                or ParameterKind.Gate or ParameterKind.Up or ParameterKind.Down;
            var experts = (isFeedForward ? config.NumLocalExperts : config.NumAttentionExperts) / 2.0;  // the block has two
            tensors += times * (parameter.Expert < 0 ? 1 : experts);
            parameters += times * (parameter.Expert < 0 && !parameter.IsRouter ? 1 : experts) * parameter.Shape.Aggregate(
                1.0, (product, size) => product * size);
        }

        return (tensors, parameters);
    }

    private static (string Key, int Value) Largest(params ReadOnlySpan<(string Key, int Value)> sizes)
    {
        var largest = sizes[0];
        foreach (var size in sizes)
        {
            if (size.Value > largest.Value) largest = size;
        }

        return largest;
    }

    private static string Text(double number) =>
        number < 1e15
            ? number.ToString("F0", CultureInfo.InvariantCulture)
            : number.ToString("0.#e+0", CultureInfo.InvariantCulture);
}
