using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>How one tensor of a mixture comes about.</summary>
internal abstract record TensorRecipe
{
    private TensorRecipe() { }

    /// <summary>A tensor of one model; its bytes where the dtype stays.</summary>
    /// <param name="Model">The model's number in the order of the experts.</param>
    /// <param name="Name">The tensor's name there.</param>
    public sealed record Copy(int Model, string Name) : TensorRecipe;

    /// <summary>((m₀ + m₁) + …) / n over all models in float32, rounded to nearest even.</summary>
    /// <param name="Name">The tensor's name in every model.</param>
    public sealed record Mean(string Name) : TensorRecipe;

    /// <summary>(w₀·m₀ + w₁·m₁) + … over all models in float32, rounded to nearest even.</summary>
    /// <param name="Name">The tensor's name in every model.</param>
    /// <param name="Weights">One of each model, summing to 1.</param>
    public sealed record WeightedMean(string Name, IReadOnlyList<float> Weights) : TensorRecipe;

    /// <summary>The mean, row by row, over the models that have the row: vocabularies of different lengths. A row that none has is the mean of all others.</summary>
    /// <param name="Name">The tensor's name in every model.</param>
    /// <param name="Spans">All rows of the output in order.</param>
    public sealed record MeanOfRows(string Name, IReadOnlyList<RowSpan> Spans) : TensorRecipe;

    /// <summary>N(0, σ²) from the router seed and the output tensor's own name.</summary>
    /// <param name="StandardDeviation">σ.</param>
    public sealed record Normal(double StandardDeviation) : TensorRecipe;

    /// <summary>A router's rows, computed from text before the mixture is written.</summary>
    /// <param name="Rows">[experts, d]; empty in a plan that is only shown.</param>
    public sealed record Calibrated(ReadOnlyMemory<float> Rows) : TensorRecipe;

    /// <summary>
    /// The initialisation of BAM (section 3.3) and BTX: routers are random, an expert is its own model's, an expert beyond the
    /// models is the seed's, and what all tokens share is the mean.
    /// </summary>
    /// <param name="parameter">A parameter of the mixture.</param>
    /// <param name="models">How many models there are, the seed included.</param>
    public static TensorRecipe OfMixture(ParameterInfo parameter, int models)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        if (parameter.IsRouter) return new Normal(StandardDeviationOfMatrices);
        var denseName = DenseName(parameter);
        if (models == 1) return new Copy(0, denseName);
        return parameter.Expert < 0 ? new Mean(denseName) : new Copy(parameter.Expert < models ? parameter.Expert : 0, denseName);
    }

    /// <summary>σ of routers and of all else that starts from random numbers.</summary>
    internal const double StandardDeviationOfMatrices = 0.02;

    /// <summary>The tensor's name in a dense model.</summary>
    internal static string DenseName(ParameterInfo parameter) =>
        parameter.Expert < 0 ? parameter.Name : parameter.Name.Replace($".experts.{parameter.Expert}.", ".", StringComparison.Ordinal);
}
