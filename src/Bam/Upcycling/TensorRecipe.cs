using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>How one tensor of a mixture is computed. Names are those of the tensor in the models.</summary>
internal abstract record TensorRecipe
{
    private TensorRecipe() { }

    /// <summary>A tensor of one model, by its number in the order of the experts; its bytes where the dtype stays.</summary>
    public sealed record Copy(int Model, string Name) : TensorRecipe;

    /// <summary>((m₀ + m₁) + …) / n over all models in float32, rounded to nearest even.</summary>
    public sealed record Mean(string Name) : TensorRecipe;

    /// <summary>(w₀·m₀ + w₁·m₁) + … over all models in float32, rounded to nearest even; the weights sum to 1.</summary>
    public sealed record WeightedMean(string Name, IReadOnlyList<float> Weights) : TensorRecipe;

    /// <summary>
    /// The mean, row by row, over the models that have the row: vocabularies of different lengths. A row that none has is the
    /// mean of all others. The spans are all rows of the output in order.
    /// </summary>
    public sealed record MeanOfRows(string Name, IReadOnlyList<RowSpan> Spans) : TensorRecipe;

    /// <summary>N(0, σ²) from the router seed and the output tensor's own name.</summary>
    public sealed record Normal(double StandardDeviation) : TensorRecipe;

    /// <summary>A router's rows [experts, d], computed from text before the mixture is written.</summary>
    public sealed record Calibrated : TensorRecipe;

    /// <summary>One number everywhere.</summary>
    public sealed record Constant(float Value) : TensorRecipe;

    /// <summary>
    /// The numbers of a parameter that a form adds to a model that has none (<see cref="ICheckpointForm.Complete"/>); null for
    /// the model's own.
    /// </summary>
    public static TensorRecipe? OfAddition(ParameterInfo parameter, ModelConfig model) =>
        model.SharedExpertIntermediateSize is null && NeutralSharedExpert.ValueOf(parameter) is { } value
            ? new Constant(value)
            : null;

    /// <summary>
    /// The initialisation of BAM (section 3.3) and BTX: routers are random, an expert is its own model's, an expert beyond the
    /// <paramref name="models"/> is the seed's, and what all tokens share is the mean.
    /// </summary>
    public static TensorRecipe OfMixture(ParameterInfo parameter, int models)
    {
        if (parameter.IsRouter) return new Normal(StandardDeviationOfMatrices);
        var denseName = DenseName(parameter);
        if (models == 1) return new Copy(0, denseName);
        return parameter.Expert < 0 ? new Mean(denseName) : new Copy(parameter.Expert < models ? parameter.Expert : 0, denseName);
    }

    /// <summary>σ of routers and of all other random matrices.</summary>
    internal const double StandardDeviationOfMatrices = 0.02;

    /// <summary>The parameter's name in a dense model.</summary>
    internal static string DenseName(ParameterInfo parameter) => parameter.Expert < 0
        ? parameter.Name
        : parameter.Name.Replace($".experts.{parameter.Expert}.", ".", StringComparison.Ordinal);
}

/// <summary>Rows of the embeddings, and of the head, that the same models have.</summary>
/// <param name="Start">The first row.</param>
/// <param name="End">The row behind the last.</param>
/// <param name="Models">Their numbers, ascending; none for rows that are the mean of all others.</param>
/// <param name="Weights">One of each of <paramref name="Models"/> in their mean, summing to 1; null for the uniform mean.</param>
internal sealed record RowSpan(int Start, int End, IReadOnlyList<int> Models, IReadOnlyList<float>? Weights = null)
{
    /// <summary>The same rows with the weights of the models that have them, divided by their sum.</summary>
    public RowSpan WithWeights(IReadOnlyList<float> weights)
    {
        if (Models.Count == weights.Count) return this with { Weights = weights };
        var sum = Models.Sum(model => weights[model]);
        return sum > 0 ? this with { Weights = [.. Models.Select(model => weights[model] / sum)] } : this;
    }
}
