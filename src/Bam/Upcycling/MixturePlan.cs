using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;

namespace Bam.Upcycling;

/// <summary>A mixture before it is written: its configuration, and every tensor in the file's order.</summary>
public sealed record MixturePlan
{
    private MixturePlan(
        IMixtureMethod method,
        MixtureOptions options,
        ModelConfig config,
        TensorDtype dtype,
        IReadOnlyList<PlannedTensor> tensors) =>
        (Method, Options, Config, Dtype, Tensors) = (method, options, config, dtype, tensors);

    /// <summary>The options that the plan was made from.</summary>
    public MixtureOptions Options { get; }

    /// <summary>The sizes of the mixture.</summary>
    public ModelConfig Config { get; }

    /// <summary>The dtype of its weights.</summary>
    public TensorDtype Dtype { get; }

    internal IMixtureMethod Method { get; }

    internal IReadOnlyList<PlannedTensor> Tensors { get; }

    /// <summary>The size of the output's tensors, in bytes.</summary>
    public long ByteLength => Tensors.Sum(tensor => tensor.Parameter.Count) * Dtype.ByteSize;

    /// <summary>Whether the router seed changes anything.</summary>
    internal bool HasRandomNumbers => Tensors.Any(tensor => tensor.Recipe is TensorRecipe.Normal);

    /// <summary>The number of files of weights.</summary>
    internal int Files => Layout.Files.Count;

    /// <summary>Which tensor goes into which file.</summary>
    internal CheckpointLayout Layout => CheckpointLayout.Of(
        [.. Tensors.Select(tensor => new TensorDeclaration(tensor.StoredName, Dtype, tensor.Parameter.Shape))],
        Options.ShardBytes);

    /// <summary>Plans a mixture of the models that the options name and that are open as sources.</summary>
    /// <exception cref="InvalidInputException">The method cannot honour an option.</exception>
    internal static MixturePlan Create(string method, MixtureOptions options, MixtureSources sources)
    {
        var chosen = MixtureMethods.Named(method);
        OptionRules.RequireWritable(options);
        var dtype = options.Dtype ?? sources.Dtype ?? TensorDtype.Float32;
        var seed = sources.Models[0].Config;
        if (sources.Vocabulary is { } larger) seed = seed with { VocabSize = larger.Size };
        var config = MixtureMethods.Configure(chosen, seed, options) with { TorchDtype = dtype.TorchName };
        var weights = OptionRules.MeanWeights(chosen.Name, options);
        config.Validate($"the mixture's {ModelConfig.FileName}");
        options.Form.Require(config, "the mixture");
        var written = options.Form.Complete(config);
        return new MixturePlan(chosen, options, written, dtype, [.. ParameterTable.Of(written).Select(Plan)]);

        PlannedTensor Plan(ParameterInfo parameter)
        {
            var recipe = TensorRecipe.OfAddition(parameter, config) ?? chosen.Recipe(parameter, options);
            return new(parameter, Adapted(recipe, parameter)) { StoredName = options.Form.NameOf(parameter) };
        }

        // Options that change routers, and every mean over all models.
        TensorRecipe Adapted(TensorRecipe recipe, ParameterInfo parameter)
        {
            if (parameter.IsRouter && options.RouterTexts is not null) return new TensorRecipe.Calibrated();
            if (sources.Vocabulary is { Spans: { Count: > 1 } spans } && IsOfVocabulary(parameter))
                return new TensorRecipe.MeanOfRows(
                    parameter.Name, weights is null ? spans : [.. spans.Select(span => span.WithWeights(weights))]);
            return weights is null || recipe is not TensorRecipe.Mean mean
                ? recipe
                : new TensorRecipe.WeightedMean(mean.Name, weights);
        }

        static bool IsOfVocabulary(ParameterInfo parameter) => parameter.Kind is ParameterKind.Embedding or ParameterKind.Head;
    }
}

/// <summary>One parameter of a mixture and how it is computed.</summary>
internal sealed record PlannedTensor(ParameterInfo Parameter, TensorRecipe Recipe)
{
    /// <summary>The name under which it is written.</summary>
    public string StoredName { get; init; } = Parameter.Name;
}
