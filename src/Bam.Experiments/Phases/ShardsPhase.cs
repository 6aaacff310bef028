using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Data;
using Bam.Data.Building;
using Bam.Configuration;
using Bam.Experiments.Recipes;
using Bam.Tokenization;
using Bam.Tokenization.Chat;

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

    protected string TokenizerFileIn(PhaseStore store) => All<TokenizerPhase>().Single().FileIn(store);
}

/// <summary>Makes a domain's token shards.</summary>
internal sealed class DataPhase(
    DomainText text, RecipeData data, BeginOfText bos, long randomSeed, TokenizerPhase tokenizer, ChatSource? chat = null)
    : ShardsPhase(
        "data",
        text.Name,
        new DataSettings
        {
            Text = text.Settings, Data = data, Bos = bos, Seed = randomSeed, LossOn = chat?.LossOn ?? LossOn.All,
            Template = chat?.Name,
        },
        [.. text.Needs, PhaseNeed.Of(tokenizer)],
        chat is null ? text.Files : [.. text.Files, chat.Files])
{
    private DataSettings Settings => (DataSettings)SettingsRecord;

    /// <summary>The tokens to train on, of a finished phase.</summary>
    public long TrainTokensIn(PhaseStore store) => store.OutcomeOf(this).Read<Outcome>().TrainTokens;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var (store, text, data) = (context.Store, Settings.Text, Settings.Data);
        var loaded = LoadTokenizer(store);
        var report = DataBuilder.Build(new DataBuildOptions
        {
            Format = text.DataFormat,
            Chat = text.DataFormat == DataFormat.Chat
                ? new(ChatEncoder.Load(loaded, TokenizerFileIn(store), TemplateName), Settings.LossOn)
                : null,
            Inputs = text.InputsOf(Name, this, store),
            Encoder = EncoderOf(loaded, Settings.Bos, store),
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

    // A file's path is not in the key, but its content is.
    private string? TemplateName => Settings.Template == ChatSource.FileName
        ? Files.Single(files => files.Role == ChatSource.Role).Paths.Single()
        : Settings.Template;

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

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public LossOn LossOn { get; init; }

    /// <summary>The name of a chat template; null for the default one.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Template { get; init; }
}

/// <summary>The chat template of a domain of conversations.</summary>
/// <param name="LossOn">The tokens that count.</param>
/// <param name="Name">Its name; null for the default one, <see cref="FileName"/> for a file of the user's.</param>
/// <param name="Files">Where it is.</param>
internal sealed record ChatSource(LossOn LossOn, string? Name, PhaseFiles Files)
{
    /// <summary>The role of the files in a key.</summary>
    public const string Role = "chat template";

    /// <summary>Stands for a file in a key, which has no paths.</summary>
    public const string FileName = "(file)";

    /// <summary>
    /// Of a domain; null if it is text. <paramref name="tokenizerFile"/> is null for one that the recipe trains.
    /// </summary>
    /// <exception cref="InvalidInputException">There is no template.</exception>
    public static ChatSource? Of(string name, RecipeDomain domain, string? tokenizerFile, FileHashes hashes)
    {
        if (domain.Format != DataFormat.Chat) return null;
        var isFile = domain.Template?.EndsWith(ChatTemplateFiles.Extension, StringComparison.Ordinal) == true;
        var paths = isFile ? [domain.Template!]
            : tokenizerFile is not null ? ChatTemplateFiles.PathsFor(tokenizerFile)
            : throw new InvalidInputException(
                $"domain '{name}', key 'format'", "a chat template beside a given tokenizer",
                "a tokenizer that the recipe trains",
                "name a file by 'template', or a tokenizer by 'tokenizer.path'");
        // A name is written like a path of the recipe's folder.
        var template = isFile ? FileName : Path.GetFileName(domain.Template);
        return new(domain.LossOn, template, new(Role, paths, hashes.OfAll(paths)));
    }
}
