using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Experiments.Recipes;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>Makes a domain's token shards.</summary>
/// <param name="text">The domain's text.</param>
/// <param name="data">What is held out and dropped.</param>
/// <param name="randomSeed">Which documents are held out.</param>
/// <param name="tokenizer">The tokenizer.</param>
internal sealed class DataPhase(DomainText text, RecipeData data, long randomSeed, TokenizerPhase tokenizer)
    : ShardsPhase("data", text.Name, [.. text.Dependencies, tokenizer])
{
    /// <summary>The tokens to train on, of a finished phase.</summary>
    public long TrainTokensIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).Read<Outcome>().TrainTokens;
    }

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var report = DataBuilder.Build(new DataBuildOptions
        {
            Inputs = text.Inputs(context.Store),
            Encoder = tokenizer.Encoder(Tokenizer.Load(tokenizer.FileIn(context.Store)), context.Store),
            Output = ShardsIn(context.Store),
            Name = Name,
            TextKey = text.Domain.TextKey,
            GroupKey = text.Domain.GroupKey,
            SectionSeparator = text.Domain.SectionSeparator,
            SkipBadLines = text.Domain.SkipBadLines ?? 0,
            HeldOutFraction = data.HeldOutFraction,
            HeldOutMaxTokens = data.HeldOutMaxTokens,
            NearDuplicateSimilarity = data.NearDuplicateSimilarity,
            ContaminationShare = data.ContaminationShare,
            Seed = randomSeed,
        }, context.Reporter, context.Cancellation);
        return new JsonObject { ["train_tokens"] = report.Train.Tokens, ["held_out_tokens"] = report.HeldOut.Tokens };
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe()
    {
        var settings = text.Settings();
        settings["data"] = SettingsJson.Of(data);
        settings["seed"] = randomSeed;
        return new()
        {
            Kind = Kind,
            Version = 1,
            Settings = tokenizer.WithBos(settings),
            Files = text.Files().ToDictionary(),
            Phases = Dependencies.ToDictionary(phase => phase.Title, phase => phase.Key),
        };
    }

    private sealed record Outcome(long TrainTokens);
}
