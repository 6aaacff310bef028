using System.Text.Json.Nodes;
using Bam.Configuration;
using Bam.Evaluation;
using Bam.Experiments.Recipes;
using Bam.Tokenization;
using Bam.Training;

namespace Bam.Experiments.Phases;

/// <summary>Trains the seed, an expert or a mixture. Interrupted, it goes on from the last checkpoint.</summary>
/// <param name="name">The model's name.</param>
/// <param name="start">The model to start from; null for a new one of <paramref name="sizes"/>.</param>
/// <param name="sizes">The sizes of a new model; null with <paramref name="start"/>.</param>
/// <param name="randomSeed">Of a new model's parameters.</param>
/// <param name="plan">The rest.</param>
internal sealed class TrainPhase(string name, ModelPhase? start, SeedSizes? sizes, long randomSeed, TrainingPlan plan)
    : ModelPhase("train", name, Needs(start, plan))
{
    /// <inheritdoc/>
    public override bool CanContinueIn(PhaseStore store) => true;

    /// <summary>What the training cost, of a finished phase.</summary>
    public TrainingOutcome ResultIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.OutcomeOf(this).Read<TrainingOutcome>();
    }

    /// <inheritdoc/>
    /// <remarks>An attempt knows its own time only; the seconds inside training steps outlive an interruption.</remarks>
    public override double SecondsIn(PhaseStore store) => Math.Max(base.SecondsIn(store), ResultIn(store).StepSeconds);

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var tokenizer = plan.Tokenizer.FileIn(context.Store);
        var config = new TrainingConfig
        {
            Model = start?.ModelIn(context.Store),
            Config = sizes is null ? null : Config(Tokenizer.Load(tokenizer)),
            InitSeed = randomSeed,
            Tokenizer = tokenizer,
            Data = Domains(context.Store),
            Output = context.Directory,
            Settings = plan.Budget is { } budget ? plan.Settings with { Tokens = budget.TokensIn(context.Store), Steps = null } : plan.Settings,
        };
        using var heldOut = HeldOutDomains.Open(IsMeasured ? plan.Measured.Select(data => data.ShardsIn(context.Store)) : []);
        var result = Trainer.Run(config, new TrainerOptions
        {
            Activity = Title,
            Reporter = context.Reporter,
            Evaluation = IsMeasured ? new HeldOutEvaluation(heldOut, plan.Evaluation) : null,
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

    /// <inheritdoc/>
    protected override PhaseInputs Describe()
    {
        var settings = SettingsJson.Of(plan.Settings);
        if (sizes is not null) (settings["model"], settings["init_seed"]) = (sizes.Keys.DeepClone(), randomSeed);
        // the weights are the same, the kept curve is not
        if (IsMeasured) settings["evaluate_every"] = plan.Settings.EvaluateEvery;
        if (IsMeasured && plan.Evaluation.WindowLength != plan.Settings.SequenceLength) settings["evaluate_sequence_length"] = plan.Evaluation.WindowLength;
        settings["shares"] = new JsonObject(plan.Domains.Select(domain => KeyValuePair.Create(domain.Data.Name, (JsonNode?)domain.Weight)));
        IEnumerable<(string Role, Phase? Phase)> needs =
        [
            (start?.Title ?? "", start),
            (plan.Tokenizer.Title, plan.Tokenizer),
            ("budget", plan.Budget),
            ("shares", plan.Shares),
            .. plan.Domains.Select(domain => (domain.Data.Title, (Phase?)domain.Data)),
            .. OnlyMeasured().Select(data => ($"measured {data.Name}", (Phase?)data)),
        ];
        return new()
        {
            Kind = Kind,
            Version = 1,
            Settings = settings,
            Phases = needs.Where(need => need.Phase is not null).ToDictionary(need => need.Role, need => need.Phase!.Key),
        };
    }

    private static IReadOnlyList<Phase> Needs(ModelPhase? start, TrainingPlan plan)
    {
        IEnumerable<Phase?> needs =
        [
            .. plan.Domains.Select(domain => domain.Data), .. IsMeasuredBy(plan) ? plan.Measured : [], plan.Tokenizer, start, plan.Budget, plan.Shares,
        ];
        return [.. needs.OfType<Phase>().Distinct()];
    }

    private List<TrainingDomain> Domains(PhaseStore store)
    {
        var found = plan.Shares?.SharesIn(store);
        return [.. plan.Domains.Select(domain => new TrainingDomain
        {
            Domain = domain.Data.Name,
            Path = domain.Data.ShardsIn(store),
            Weight = found?[domain.Data.Name] ?? domain.Weight,
        })];
    }

    // The key of a tokenizer that is trained speaks of all domains' text already.
    private IEnumerable<DataPhase> OnlyMeasured() =>
        IsMeasured && plan.Tokenizer is GivenTokenizerPhase ? plan.Measured.Except(plan.Domains.Select(domain => domain.Data)) : [];

    private bool IsMeasured => IsMeasuredBy(plan);

    private static bool IsMeasuredBy(TrainingPlan plan) => plan.Settings.EvaluateEvery > 0;

    // In the form in which it is read back from a run's configuration, so that a resumed run is the same run.
    private InlineValue Config(Tokenizer tokenizer)
    {
        var written = new InlineValue(sizes!.For(tokenizer.VocabSize, tokenizer.EndOfTextId).ToJson(), sizes.Where, null);
        return written with { Json = YamlJson.Of(ConfigWriter.Node(written)!).ToJsonString() };
    }
}
