using System.Globalization;
using Bam.Checkpoints.Safetensors;

namespace Bam.Upcycling;

/// <summary>An option that a method or the number of models does not allow.</summary>
/// <param name="Option">Its name on the command line.</param>
/// <param name="Exception">The message for the command line.</param>
/// <param name="Reason">What is wrong, without the option; null where it does not apply to the method.</param>
internal sealed record OptionFault(string Option, InvalidInputException Exception, string? Reason);

/// <summary>The rules of <see cref="MixtureOptions"/> that methods share. Each returns the first fault, or null.</summary>
internal static class OptionRules
{
    /// <summary>There must be an expert beside the seed.</summary>
    public static OptionFault? SeveralModels(string method, MixtureOptions options)
    {
        const string Hint = "name each with --expert DIR, or use sparse to copy one model";
        return options.Experts.Count > 0 ? null
            : Fault("expert", "at least one specialised model beside the seed", "none", Hint, where: $"{method}: expert");
    }

    /// <summary>Dtype and size of the output's files.</summary>
    /// <exception cref="InvalidInputException">Weights cannot be written so.</exception>
    public static void RequireWritable(MixtureOptions options)
    {
        if (options.Dtype is { IsFloatingPoint: false } dtype)
            throw new InvalidInputException("dtype", "float32, bfloat16, float16 or float64", $"{dtype}", "choose one of these");
        if (options.ShardBytes < 1)
            throw new InvalidInputException("shard-size", "at least one byte", $"{options.ShardBytes}", "choose a larger one");
    }

    /// <summary>The attention's initialisation is a known one.</summary>
    public static OptionFault? AttentionInitializations(MixtureOptions options) =>
        Enum.IsDefined(options.AttentionInitialization) ? null
            : Fault(
                "attention-init", string.Join(", ", Enum.GetNames<AttentionInitialization>()),
                $"{options.AttentionInitialization}", "choose one of these");

    /// <summary>The output has no attention experts.</summary>
    public static OptionFault? NoAttentionExperts(string method, MixtureOptions options)
    {
        const string Why = "only bam has attention experts";
        return NotGiven(method, "share-key-value", options.ShareKeyValue, Why)
            ?? NotGiven(method, "attention-top-k", options.AttentionTopK is not null, Why)
            ?? NotGiven(method, "attention-init", options.AttentionInitialization != AttentionInitialization.Copy, Why);
    }

    /// <summary>The output has no feed-forward experts.</summary>
    public static OptionFault? NoFeedForwardExperts(string method, MixtureOptions options)
    {
        const string Why = "its output is dense";
        return NotGiven(method, "experts", options.FeedForwardExperts is not null, Why)
            ?? NotGiven(method, "top-k", options.TopK is not null, Why)
            ?? NotGiven(method, "norm-topk", options.NormTopK, Why)
            ?? NotGiven(method, "router-text", options.RouterTexts is not null, Why);
    }

    /// <summary>1 ≤ k ≤ the number of models, for top-k attention.</summary>
    public static OptionFault? AttentionTopK(MixtureOptions options)
    {
        var models = options.Models.Count;
        if (options.AttentionTopK is not { } k || (k >= 1 && k <= models)) return null;
        return Fault(
            "attention-top-k", $"1 to {models}, the number of models", $"{k}", "choose another or leave it out for soft routing",
            reason: $"expected at most {models}, the attention experts, found {k}");
    }

    /// <summary>M ≥ the number of models, 1 ≤ k ≤ M, and router texts are one of each model.</summary>
    public static OptionFault? FeedForwardExperts(MixtureOptions options)
    {
        var models = options.Models.Count;
        var (fewest, experts, k) = (Math.Max(2, models), options.ExpertCount, options.TopK ?? 1);
        if (experts < fewest)
        {
            return Fault(
                "experts", $"at least {fewest}{(models > 1 ? ", one of each model" : "")}", $"{experts}", "choose more",
                reason: $"expected at least {fewest}, one for the seed and each expert, found {experts}");
        }

        if (k < 1 || k > experts)
        {
            return Fault(
                "top-k", $"1 to {experts}, the number of feed-forward experts", $"{k}", "choose another",
                reason: $"expected at most {experts}, the mixture's experts, found {k}");
        }

        return options.RouterTexts is { } texts ? TextOfEachModel(texts, models, experts) : null;
    }

    /// <summary>An option that has no meaning for the method is left out.</summary>
    public static OptionFault? NotGiven(string method, string option, bool isGiven, string why) =>
        isGiven ? new(option, DoesNotApply(method, option, why), Reason: null) : null;

    /// <summary>Another fault; the reason follows from the message unless a recipe says it otherwise.</summary>
    public static OptionFault Fault(
        string option, string expected, string found, string hint, string? where = null, string? reason = null) =>
        new(option, new(where ?? option, expected, found, hint), reason ?? $"expected {expected}, found {found}");

    /// <summary>The weights of the models in a mean, divided by their sum; null where they are equal.</summary>
    /// <exception cref="InvalidInputException">They are not one of each model, or no weights.</exception>
    public static float[]? MeanWeights(string method, MixtureOptions options)
    {
        if (options.Weights is not { } weights) return null;
        var models = options.Models;
        if (models.Count == 1) throw DoesNotApply(method, "weights", "one model has no mean");
        if (weights.Count != models.Count)
        {
            throw new InvalidInputException(
                "weights", $"{models.Count}, one of each model with the seed's first", $"{weights.Count}",
                "give as many as there are models");
        }

        for (var i = 0; i < weights.Count; i++)
        {
            if (!(weights[i] >= 0 && double.IsFinite(weights[i])))
                throw new InvalidInputException($"weights: that of {models[i]}", "0 or more", Text(weights[i]), "correct it");
        }

        var sum = weights.Sum();
        if (!(sum > 0 && double.IsFinite(sum)))
            throw new InvalidInputException("weights", "a sum above 0", Text(sum), "give at least one model a weight");
        return weights.Distinct().Count() == 1 ? null : [.. weights.Select(weight => (float)(weight / sum))];

        static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private static OptionFault? TextOfEachModel(RouterTexts texts, int models, int experts)
    {
        const string Option = "router-text";
        if (experts > models)
        {
            const string NoDomain = "copies of the seed have no domain of their own";
            return Fault(
                Option, $"{models} with router-text, one of each model", $"{experts}", $"leave one of the two out: {NoDomain}",
                where: "experts", reason: $"{NoDomain}; leave it out or 'experts'");
        }

        if (texts.Inputs.Count != models)
        {
            return Fault(
                Option, $"{models}, one of each model with the seed's first", $"{texts.Inputs.Count}",
                "give as many as there are models");
        }

        if (texts.Tokens < 1) return Fault("router-tokens", "a number above 0", $"{texts.Tokens}", "change it");
        return texts.Inputs.GroupBy(Path.GetFullPath).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? Fault(
                Option, "a domain of its own for each expert", $"{twice.First()} given twice",
                "two experts with one text cannot be told apart")
            : null;
    }

    private static InvalidInputException DoesNotApply(string method, string option, string why) =>
        new($"{method}: {option} does not apply, {why}; leave it out");
}
