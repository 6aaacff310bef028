using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Configuration;
using Bam.Evaluation;
using Bam.Experiments.Recipes;
using Bam.Tokenization;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>Trains the seed, an expert or a mixture. Interrupted, it goes on from the last checkpoint.</summary>
internal sealed class TrainPhase(string name, TrainSettings settings, TrainNeeds needs)
    : ModelPhase("train", name, settings, [.. needs.ByRole()])
{
    private TrainSettings Settings => (TrainSettings)SettingsRecord;

    /// <inheritdoc/>
    public override bool CanContinueIn(PhaseStore store) => true;

    /// <summary>What the training cost, of a finished phase.</summary>
    public TrainingOutcome ResultIn(PhaseStore store) => store.OutcomeOf(this).Read<TrainingOutcome>();

    /// <inheritdoc/>
    /// <remarks>An attempt knows its own time only; the seconds inside training steps outlive an interruption.</remarks>
    public override double SecondsIn(PhaseStore store) => Math.Max(base.SecondsIn(store), ResultIn(store).StepSeconds);

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var (store, training) = (context.Store, Settings.Training);
        var tokenizer = All<TokenizerPhase>().Single().FileIn(store);
        var config = new TrainingConfig
        {
            Model = All<ModelPhase>().SingleOrDefault()?.ModelIn(store),
            Config = Settings.Sizes is { } sizes ? Config(sizes, Tokenizer.Load(tokenizer)) : null,
            InitSeed = Settings.RandomSeed,
            Tokenizer = tokenizer,
            Data = Domains(store),
            Output = context.Directory,
            Settings = All<BudgetPhase>().SingleOrDefault() is { } budget
                ? training with { Tokens = budget.TokensIn(store), Steps = null }
                : training,
        };
        var windows = new PerplexityOptions
        {
            WindowLength = Settings.EvaluateSequenceLength ?? training.SequenceLength,
            BatchSize = Settings.EvaluateBatchSize,
        };
        var measured = Needs.Where(need => TrainNeeds.IsMeasured(need.Role)).Select(need => (DataPhase)need.Phase);
        using var heldOut = HeldOutDomains.Open(measured.Select(data => data.ShardsIn(store)));
        var result = Trainer.Run(config, new TrainerOptions
        {
            Activity = Title,
            Reporter = context.Reporter,
            Evaluation = Settings.EvaluateEvery is null ? null : new HeldOutEvaluation(heldOut, windows),
            Cancellation = context.Cancellation,
        });
        return new JsonObject
        {
            ["tokens"] = result.Tokens,
            ["core_seconds"] = result.CoreSeconds,
            ["tokens_per_second"] = result.TokensPerSecond,
            ["flops"] = result.Flops,
        };
    }

    private List<TrainingDomain> Domains(PhaseStore store)
    {
        var found = All<SharesPhase>().SingleOrDefault()?.SharesIn(store);
        return [.. Settings.Shares.Select(share => new TrainingDomain
        {
            Domain = share.Key,
            Path = All<DataPhase>().First(data => data.Name == share.Key).ShardsIn(store),
            Weight = found?[share.Key] ?? share.Value,
        })];
    }

    // In the form in which it is read back from a run's configuration, so that a resumed run is the same run.
    private static InlineValue Config(SeedSizes sizes, Tokenizer tokenizer)
    {
        var written = new InlineValue(sizes.For(tokenizer.VocabSize, tokenizer.EndOfTextId).ToJson(), sizes.Where, null);
        return written with { Json = YamlJson.Of(ConfigWriter.Node(written)!).ToJsonString() };
    }
}

/// <summary>The settings of a <see cref="TrainPhase"/>.</summary>
internal sealed record TrainSettings
{
    [Flattened]
    public required TrainingSettings Training { get; init; }

    /// <summary>The domains' weights; not used if a <see cref="SharesPhase"/> finds them.</summary>
    public required IReadOnlyDictionary<string, double> Shares { get; init; }

    /// <summary>The sizes of a new model; null for one that starts from another. In the key as <see cref="Model"/>.</summary>
    [JsonIgnore]
    public SeedSizes? Sizes { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JsonObject? Model => Sizes?.Keys;

    /// <summary>The seed of a new model's parameters. In the key as <see cref="InitSeed"/>.</summary>
    [JsonIgnore]
    public required long RandomSeed { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? InitSeed => Sizes is null ? null : RandomSeed;

    /// <summary>The steps between two evaluations; null for none. It does not change the weights, but the kept curve.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? EvaluateEvery => Training.EvaluateEvery > 0 ? Training.EvaluateEvery : null;

    /// <summary>The length of a window of evaluation; null for the training's.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? EvaluateSequenceLength { get; init; }

    /// <summary>The windows of one batch of evaluation; changes speed and memory, not the result.</summary>
    [JsonIgnore]
    public required int EvaluateBatchSize { get; init; }
}

/// <summary>The phases that a training reads.</summary>
internal sealed record TrainNeeds
{
    /// <summary>The model to start from; null for a new one.</summary>
    public ModelPhase? Start { get; init; }

    /// <summary>The domains to train on.</summary>
    public required IReadOnlyList<DataPhase> Domains { get; init; }

    /// <summary>The domains that are measured while training.</summary>
    public required IReadOnlyList<DataPhase> Measured { get; init; }

    /// <summary>The tokenizer, which goes into the checkpoints.</summary>
    public required TokenizerPhase Tokenizer { get; init; }

    /// <summary>Finds the domains' shares where the recipe does not set them; null where it does.</summary>
    public SharesPhase? Shares { get; init; }

    /// <summary>Finds the tokens where they are matched to another mixture's; null where the settings have them.</summary>
    public BudgetPhase? Budget { get; init; }

    /// <summary>True for the role of a domain that is measured.</summary>
    internal static bool IsMeasured(string role) => role.StartsWith("measured ", StringComparison.Ordinal);

    /// <summary>All of them, in the order in which they run.</summary>
    internal IEnumerable<PhaseNeed> ByRole()
    {
        foreach (var domain in Domains) yield return PhaseNeed.Of(domain);
        // The key of a tokenizer that is trained depends on the text of all domains already.
        foreach (var domain in Measured)
            yield return new($"measured {domain.Name}", domain, Tokenizer is TrainTokenizerPhase || Domains.Contains(domain));
        yield return PhaseNeed.Of(Tokenizer);
        if (Start is not null) yield return PhaseNeed.Of(Start);
        if (Budget is not null) yield return new("budget", Budget);
        if (Shares is not null) yield return new("shares", Shares);
    }
}

/// <summary>What a finished training cost.</summary>
/// <param name="Tokens">Tokens trained on.</param>
/// <param name="CoreSeconds">Wall seconds inside training steps × threads.</param>
/// <param name="TokensPerSecond">Tokens over the wall seconds inside training steps.</param>
/// <param name="Flops">3 × forward, all layers and head.</param>
internal sealed record TrainingOutcome(long Tokens, double CoreSeconds, double TokensPerSecond, double Flops)
{
    /// <summary>Wall seconds inside training steps, of all attempts.</summary>
    public double StepSeconds => Tokens / TokensPerSecond;
}
