using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Data;
using Bam.Data.Building;
using Bam.Configuration;
using Bam.Experiments.Recipes;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is token shards, with text that models are measured on.</summary>
internal abstract class ShardsPhase(
    string kind, string name, object settings, IReadOnlyList<PhaseNeed> needs, IReadOnlyList<PhaseFiles>? files)
    : Phase(kind, name, settings, needs, files)
{
    private const string FolderName = "shards";

    /// <summary>The directory of shards.</summary>
    public string ShardsIn(PhaseStore store) => Path.Combine(store.DirectoryOf(this), FolderName);

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) =>
        Path.GetDirectoryName(file) == FolderName && DataBuilder.IsFileName(Path.GetFileName(file));

    /// <summary>The tokenizer.</summary>
    protected Tokenizer LoadTokenizer(PhaseStore store) => Tokenizer.Load(TokenizerFileIn(store));

    /// <summary>Encodes documents.</summary>
    protected TextEncoder EncoderOf(Tokenizer loaded, BeginOfText bos, PhaseStore store) =>
        TextEncoder.Of(loaded, TokenizerFileIn(store), bos);

    private string TokenizerFileIn(PhaseStore store) => All<TokenizerPhase>().Single().FileIn(store);
}

/// <summary>Makes a domain's token shards.</summary>
internal sealed class DataPhase(DomainText text, RecipeData data, BeginOfText bos, long randomSeed, TokenizerPhase tokenizer)
    : ShardsPhase(
        "data",
        text.Name,
        new DataSettings { Text = text.Settings, Data = data, Bos = bos, Seed = randomSeed },
        [.. text.Needs, PhaseNeed.Of(tokenizer)],
        text.Files)
{
    private DataSettings Settings => (DataSettings)SettingsRecord;

    /// <summary>The tokens to train on, of a finished phase.</summary>
    public long TrainTokensIn(PhaseStore store) => store.OutcomeOf(this).Read<Outcome>().TrainTokens;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var (store, text, data) = (context.Store, Settings.Text, Settings.Data);
        var report = DataBuilder.Build(new DataBuildOptions
        {
            Inputs = text.InputsOf(Name, this, store),
            Encoder = EncoderOf(LoadTokenizer(store), Settings.Bos, store),
            Output = ShardsIn(store),
            Name = Name,
            TextKey = text.TextKey,
            GroupKey = text.GroupKey,
            SectionSeparator = text.SectionSeparator,
            SkipBadLines = text.SkipBadLines ?? 0,
            HeldOutFraction = data.HeldOutFraction,
            HeldOutMaxTokens = data.HeldOutMaxTokens,
            NearDuplicateSimilarity = data.NearDuplicateSimilarity,
            ContaminationShare = data.ContaminationShare,
            Seed = Settings.Seed,
        }, context.Reporter, context.Cancellation);
        return new JsonObject { ["train_tokens"] = report.Train.Tokens, ["held_out_tokens"] = report.HeldOut.Tokens };
    }

    private sealed record Outcome(long TrainTokens);
}

/// <summary>The settings of a <see cref="DataPhase"/>.</summary>
internal sealed record DataSettings
{
    [Flattened]
    public required TextSettings Text { get; init; }

    public required RecipeData Data { get; init; }

    public required long Seed { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public required BeginOfText Bos { get; init; }
}
