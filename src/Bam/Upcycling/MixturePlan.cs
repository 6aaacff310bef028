using Bam.Checkpoints;
using Bam.Upcycling.Methods;

namespace Bam.Upcycling;

/// <summary>Everything a mixture will be, before a byte of it is written.</summary>
/// <param name="Method">The method.</param>
/// <param name="Options">What was asked.</param>
/// <param name="Config">The output's configuration.</param>
/// <param name="Dtype">The output's dtype.</param>
/// <param name="Tensors">Every tensor of the output, in the file's order.</param>
public sealed record MixturePlan(
    IMixtureMethod Method, MixtureOptions Options, ModelConfig Config, TensorDtype Dtype, IReadOnlyList<PlannedTensor> Tensors)
{
    /// <summary>The size of the output's tensors.</summary>
    public long ByteLength => Tensors.Sum(tensor => tensor.Parameter.Count) * Dtype.ByteSize;

    /// <summary>In how many files of weights they lie.</summary>
    public int Files => Layout.Files.Count;

    /// <summary>Which tensor goes into which file.</summary>
    internal CheckpointLayout Layout =>
        CheckpointLayout.Of([.. Tensors.Select(tensor => new TensorDeclaration(tensor.Parameter.Name, Dtype, tensor.Parameter.Shape))], Options.ShardBytes);

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
        var config = chosen.Configure(sources.Models[0].Config, options) with { TorchDtype = dtype.TorchName };
        var weights = MeanWeights.Of(chosen.Name, options);
        config.Validate($"the mixture's {ModelConfig.FileName}");
        return new MixturePlan(
            chosen, options, config, dtype,
            [.. ParameterTable.Of(config).Select(parameter => new PlannedTensor(parameter, Weighted(chosen.Recipe(parameter, options), parameter)))]);

        TensorRecipe Weighted(TensorRecipe recipe, ParameterInfo parameter) =>
            weights is not null && parameter.Expert < 0 && recipe is TensorRecipe.Mean mean ? new TensorRecipe.WeightedMean(mean.Name, weights) : recipe;
    }
}
