namespace Bam.Upcycling;

/// <summary>Rows of the embeddings, and of the head, that the same models have.</summary>
/// <param name="Start">The first row.</param>
/// <param name="End">The row behind the last.</param>
/// <param name="Models">Their numbers in the order of the experts, ascending; none for rows that are the mean of all others.</param>
/// <param name="Weights">One of each of <paramref name="Models"/> in their mean, summing to 1; null for the uniform mean.</param>
internal sealed record RowSpan(int Start, int End, IReadOnlyList<int> Models, IReadOnlyList<float>? Weights = null)
{
    /// <summary>The same rows with weights: those of the models that have them, divided by their sum.</summary>
    /// <param name="weights">One of each model, summing to 1.</param>
    public RowSpan WithWeights(IReadOnlyList<float> weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        if (Models.Count == weights.Count) return this with { Weights = weights };
        var sum = Models.Sum(model => weights[model]);
        return sum > 0 ? this with { Weights = [.. Models.Select(model => weights[model] / sum)] } : this;
    }
}
