using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>Everything a mixture will be, before a byte of it is written.</summary>
/// <param name="Method">The method.</param>
/// <param name="Options">What was asked.</param>
/// <param name="Config">The output's configuration.</param>
/// <param name="Dtype">The output's dtype.</param>
/// <param name="Tensors">Every tensor of the output, in the file's order.</param>
internal sealed record MixturePlan(
    IMixtureMethod Method, MixtureOptions Options, ModelConfig Config, TensorDtype Dtype, IReadOnlyList<PlannedTensor> Tensors)
{
    /// <summary>The size of the output's tensors.</summary>
    public long ByteLength => Tensors.Sum(tensor => tensor.Parameter.Count) * Dtype.ByteSize;

    /// <summary>False while routers that are computed from text are missing.</summary>
    public bool IsComplete => !Tensors.Any(tensor => tensor.Recipe is TensorRecipe.Calibrated { Rows.IsEmpty: true });

    /// <summary>Whether the router seed has a part in it.</summary>
    public bool HasRandomNumbers => Tensors.Any(tensor => tensor.Recipe is TensorRecipe.Normal);

    /// <summary>In how many files of weights they lie.</summary>
    public int Files => Layout.Files.Count;

    /// <summary>Which tensor goes into which file.</summary>
    internal CheckpointLayout Layout =>
        CheckpointLayout.Of([.. Tensors.Select(tensor => new TensorDeclaration(tensor.StoredName, Dtype, tensor.Parameter.Shape))], Options.ShardBytes);

    /// <summary>The same plan with the routers that were computed for it.</summary>
    /// <param name="rows">[experts, d] by the router's name.</param>
    public MixturePlan WithRouters(IReadOnlyDictionary<string, float[]> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return this with
        {
            Tensors = [.. Tensors.Select(tensor => tensor.Recipe is TensorRecipe.Calibrated ? tensor with { Recipe = new TensorRecipe.Calibrated(rows[tensor.Parameter.Name]) } : tensor)],
        };
    }

    /// <summary>Plans a mixture of opened sources.</summary>
    /// <param name="method">The method's name.</param>
    /// <param name="options">What the user asks.</param>
    /// <param name="sources">The models that <paramref name="options"/> names.</param>
    /// <exception cref="InvalidInputException">The method cannot honour an option.</exception>
    public static MixturePlan Create(string method, MixtureOptions options, MixtureSources sources)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(sources);
        var chosen = MixtureMethods.Named(method);
        var dtype = options.Dtype ?? sources.Dtype ?? TensorDtype.Float32;
        var seed = sources.Models[0].Config;
        var config = chosen.Configure(sources.Vocabulary is { } larger ? seed with { VocabSize = larger.Size } : seed, options) with { TorchDtype = dtype.TorchName };
        var weights = MeanWeights.Of(chosen.Name, options);
        config.Validate($"the mixture's {ModelConfig.FileName}");
        options.Form.Require(config, "the mixture");
        return new MixturePlan(chosen, options, config, dtype, [.. ParameterTable.Of(config).Select(Plan)]);

        PlannedTensor Plan(ParameterInfo parameter) =>
            new(parameter, Adapted(chosen.Recipe(parameter, options), parameter)) { StoredName = options.Form.NameOf(parameter) };

        // What the user asks of routers, and of every mean over all models.
        TensorRecipe Adapted(TensorRecipe recipe, ParameterInfo parameter)
        {
            if (parameter.IsRouter && options.RouterTexts is not null) return new TensorRecipe.Calibrated(ReadOnlyMemory<float>.Empty);
            if (sources.Vocabulary is { Spans: { Count: > 1 } spans } && IsOfVocabulary(parameter))
                return new TensorRecipe.MeanOfRows(parameter.Name, weights is null ? spans : [.. spans.Select(span => span.WithWeights(weights))]);
            return weights is null || recipe is not TensorRecipe.Mean mean ? recipe : new TensorRecipe.WeightedMean(mean.Name, weights);
        }

        static bool IsOfVocabulary(ParameterInfo parameter) => parameter.Kind is ParameterKind.Embedding or ParameterKind.Head;
    }
}
