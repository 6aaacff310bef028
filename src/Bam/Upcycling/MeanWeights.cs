using System.Globalization;

namespace Bam.Upcycling;

/// <summary>The weights that a user gives the models, checked and divided by their sum.</summary>
internal static class MeanWeights
{
    /// <summary>One weight of each model, summing to 1; null for the uniform mean, which equal weights are too, bit for bit.</summary>
    /// <exception cref="InvalidInputException">They are not one of each model, or no weights.</exception>
    public static float[]? Of(string method, MixtureOptions options)
    {
        if (options.Weights is not { } weights) return null;
        var models = options.Models;
        OptionRules.Refuse(method, "weights", models.Count == 1, "one model has no mean");
        if (weights.Count != models.Count)
            throw new InvalidInputException("weights", $"{models.Count}, one of each model with the seed's first", $"{weights.Count}", "give as many as there are models");
        for (var i = 0; i < weights.Count; i++)
        {
            if (!(weights[i] >= 0 && double.IsFinite(weights[i])))
                throw new InvalidInputException($"weights: that of {models[i]}", "0 or more", weights[i].ToString(CultureInfo.InvariantCulture), "correct it");
        }

        var sum = weights.Sum();
        if (!(sum > 0 && double.IsFinite(sum)))
            throw new InvalidInputException("weights", "a sum above 0", sum.ToString(CultureInfo.InvariantCulture), "give at least one model a weight");
        return weights.Distinct().Count() == 1 ? null : [.. weights.Select(weight => (float)(weight / sum))];
    }
}
