using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>What the methods have in common in reading <see cref="MixtureOptions"/>.</summary>
internal static class OptionRules
{
    /// <summary>The number of models, of which there must be two.</summary>
    public static int RequireSeveralModels(string method, MixtureOptions options) =>
        options.Experts.Count > 0
            ? options.Models.Count
            : throw new InvalidInputException($"{method}: expert", "at least one specialised model beside the seed", "none", "name each with --expert DIR, or use sparse to copy one model");

    /// <summary>The configuration with M feed-forward experts, k for a token.</summary>
    public static ModelConfig WithFeedForwardExperts(ModelConfig seed, MixtureOptions options, int models)
    {
        var fewest = Math.Max(2, models);
        var experts = options.FeedForwardExperts ?? models;
        if (experts < fewest)
            throw new InvalidInputException("experts", $"at least {fewest}{(models > 1 ? ", one of each model" : "")}", $"{experts}", "choose more");
        var k = options.TopK ?? 1;
        if (k < 1 || k > experts) throw new InvalidInputException("top-k", $"1 to {experts}, the number of feed-forward experts", $"{k}", "choose another");
        if (options.RouterTexts is { } texts) RequireTextOfEachModel(texts, options, experts);
        return seed with { NumLocalExperts = experts, NumExpertsPerTok = k, NormTopkProb = options.NormTopK };
    }

    public static void RefuseAttentionExperts(string method, MixtureOptions options)
    {
        Refuse(method, "share-key-value", options.ShareKeyValue, "only bam has attention experts");
        Refuse(method, "attention-top-k", options.AttentionTopK is not null, "only bam has attention experts");
        Refuse(method, "attention-init", options.AttentionInitialization != AttentionInitialization.Copy, "only bam has attention experts");
    }

    public static void RefuseFeedForwardExperts(string method, MixtureOptions options)
    {
        const string Dense = "its output is dense";
        Refuse(method, "experts", options.FeedForwardExperts is not null, Dense);
        Refuse(method, "top-k", options.TopK is not null, Dense);
        Refuse(method, "norm-topk", options.NormTopK, Dense);
        Refuse(method, "router-text", options.RouterTexts is not null, Dense);
    }

    private static void RequireTextOfEachModel(RouterTexts texts, MixtureOptions options, int experts)
    {
        var models = options.Models.Count;
        if (experts > models)
            throw new InvalidInputException("experts", $"{models} with router-text, one of each model", $"{experts}", "leave one of the two out: copies of the seed have no domain of their own");
        if (texts.Inputs.Count != models)
            throw new InvalidInputException("router-text", $"{models}, one of each model with the seed's first", $"{texts.Inputs.Count}", "give as many as there are models");
        if (texts.Tokens < 1) throw new InvalidInputException("router-tokens", "a number above 0", $"{texts.Tokens}", "change it");
        if (texts.Inputs.GroupBy(Path.GetFullPath).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InvalidInputException("router-text", "a domain of its own for each expert", $"{twice.First()} given twice", "two experts with one text cannot be told apart");
    }

    public static void Refuse(string method, string option, bool isGiven, string why)
    {
        if (isGiven) throw new InvalidInputException($"{method}: {option} does not apply, {why}; leave it out");
    }
}
