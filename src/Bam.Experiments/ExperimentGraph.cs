using Bam.Data;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Training;

namespace Bam.Experiments;

/// <summary>A recipe as phases.</summary>
internal sealed class ExperimentGraph
{
    private readonly Recipe recipe;
    private readonly FileHashes hashes;
    private readonly TokenizerPhase tokenizer;
    private readonly BeginOfText bos;
    private readonly Dictionary<string, DataPhase> data;
    private readonly IReadOnlyList<ProbePhase> probes;
    private readonly IReadOnlyList<MeasuredTask> tasks;
    private readonly ModelPhase seed;
    private readonly Dictionary<string, ModelPhase> experts;
    private readonly Dictionary<string, MixPhase> mixes = [];
    private readonly Dictionary<string, BudgetPhase> budgets = [];

    /// <summary>Makes the phases; reads the users' files to hash them, and does nothing else.</summary>
    /// <exception cref="InvalidInputException">A file or a checkpoint that the recipe names is missing or is not what it must
    /// be.</exception>
    public ExperimentGraph(Recipe recipe, FileHashes hashes)
    {
        (this.recipe, this.hashes) = (recipe, hashes);
        GivenFiles.Check(recipe);
        tasks = GivenTasks.Of(recipe);
        var prepare = recipe.Prepare is { } script
            ? new PreparePhase(Existing(script), recipe.PrepareReads, hashes)
            : null;
        var texts = recipe.Domains.Select(domain => new DomainText(domain.Key, domain.Value, prepare, hashes)).ToList();
        (tokenizer, bos) = TokenizerOf(texts);
        data = texts.ToDictionary(
            text => text.Name,
            text => new DataPhase(text, recipe.Data, bos, recipe.RandomSeed, tokenizer, ChatOf(text.Name)));
        seed = SeedPhase();
        experts = recipe.Experts.ToDictionary(expert => expert.Key, expert => ExpertPhase(expert.Key, expert.Value));
        probes = [.. ProbesOf()];
        Models = [.. ModelsOf()];
        Latencies = [.. LatenciesOf()];
        Comparisons = [.. tasks.Select(ComparisonOf).OfType<ComparePhase>()];
        // All text is looked at before any training starts: a fault in it must not cost hours.
        UpToBudgets = PhasePlan.Order(
            [.. data.Values, .. probes, .. PromptsOf(), .. Models.Select(model => model.Budget).OfType<Phase>()]);
        Order = PhasePlan.Order([.. UpToBudgets, .. Models.SelectMany(Evaluations), .. Comparisons, .. Latencies]);
    }

    /// <summary>The models in the order of the tables.</summary>
    public IReadOnlyList<ExperimentModel> Models { get; }

    /// <summary>The measurements of latency, one for each size.</summary>
    public IReadOnlyList<LatencyPhase> Latencies { get; }

    /// <summary>The comparisons of models, one for each task that several are measured on.</summary>
    public IReadOnlyList<ComparePhase> Comparisons { get; }

    /// <summary>
    /// What must run before the budget of every mixture is known: all of it comes before the first mixture is trained.
    /// </summary>
    public IReadOnlyList<Phase> UpToBudgets { get; }

    /// <summary>All phases, dependencies first.</summary>
    public IReadOnlyList<Phase> Order { get; }

    private ChatSource? ChatOf(string domain) => ChatSource.Of(
        domain, recipe.Domains[domain], (tokenizer as GivenTokenizerPhase)?.Files.Single().Paths.Single(), hashes);

    private int EvaluationLength => recipe.Evaluation.SequenceLength ?? recipe.Seed.Training.SequenceLength;

    private IEnumerable<ExperimentModel> ModelsOf()
    {
        yield return Model("seed", ModelKind.Seed, null, seed, null);
        foreach (var (name, expert) in recipe.Experts)
        {
            var domain = expert.DomainOf(name);
            yield return Model(name, ModelKind.Expert, recipe.Domains.ContainsKey(domain) ? domain : null, experts[name], null);
        }

        foreach (var (name, mixture) in recipe.Mixtures)
            yield return Model(name, KindOf(mixture.Method), null, MixturePhase(name, mixture), BudgetOf(name));
    }

    private static IEnumerable<Phase> Evaluations(ExperimentModel model) =>
        [model.Evaluation, .. model.Probes is { } probes ? [probes] : Array.Empty<Phase>(), .. model.Tasks.Values];

    private ExperimentModel Model(string name, ModelKind kind, string? domain, ModelPhase origin, BudgetPhase? budget) =>
        new(name, kind, domain, origin, Evaluate(name, origin, [.. data.Values], "evaluate"), budget)
        {
            Probes = probes.Count == 0 ? null : Evaluate(name, origin, probes, "probe-evaluate"),
            Tasks = tasks.Where(task => task.Models.Contains(name)).ToDictionary(
                task => task.Name, task => new TaskPhase(name, task, origin, hashes, recipe.Seed.Training.Device)),
        };

    private IEnumerable<PromptsPhase> PromptsOf()
    {
        if (tasks.Count == 0) return [];
        var seed = GivenTasks.SeedOf(recipe);
        return tasks.Where(task => task.Definition.Kind == TaskKind.MultipleChoice).Select(task => new PromptsPhase(
            task,
            new()
            {
                Definition = task.Definition, Limit = task.Limit, Positions = seed.LongestInput, BeginOfText = seed.BosTokenId,
            },
            tokenizer,
            hashes));
    }

    /// <summary>The models of a task against its first BTX, or else the seed or the first model.</summary>
    private ComparePhase? ComparisonOf(MeasuredTask task)
    {
        if (task.Models.Count < 2) return null;
        var models = Models.Where(model => task.Models.Contains(model.Name)).ToList();
        var against = models.Find(model => model.Kind == ModelKind.Btx) ?? models[0];
        return new(
            task.Name,
            [.. models.OrderBy(model => model != against).Select(model => (model.Name, model.Tasks[task.Name]))]);
    }

    private EvaluatePhase Evaluate(string name, ModelPhase origin, IReadOnlyList<ShardsPhase> texts, string kind)
    {
        var settings = new EvaluateSettings
        {
            SequenceLength = EvaluationLength,
            Domains = [.. texts.Select(text => text.Name)],
            BatchSize = recipe.Evaluation.BatchSize,
            Device = recipe.Seed.Training.Device,
        };
        return new(name, settings, origin, texts, kind);
    }

    private IEnumerable<ProbePhase> ProbesOf()
    {
        var prepare = recipe.ProbePrepare is { } script
            ? new PreparePhase(Existing(script), recipe.ProbePrepareReads, hashes, "probes")
            : null;
        return recipe.Probes.SelectMany(probe => probe.Value.Parts(probe.Key))
            .Select(part => Probe(part.Name, part.Probe, prepare));
    }

    private ProbePhase Probe(string name, RecipeProbe probe, PreparePhase? prepare)
    {
        var seed = recipe.RandomSeed;
        if (probe.Text is { } section)
        {
            var text = new DomainText(name, section, prepare, hashes);
            var settings = new UnseenProbeSettings { Text = text.Settings, MaxTokens = probe.MaxTokens, Seed = seed, Bos = bos };
            return new UnseenProbePhase(text, settings, tokenizer);
        }

        if (probe.Corrupt is { } probability)
        {
            var settings = new CorruptedProbeSettings { Name = name, Corrupt = probability, Seed = seed, Bos = bos };
            return new CorruptedProbePhase(settings, data[probe.Of![0]], tokenizer);
        }

        var mixed = new MixedProbeSettings { Name = name, Of = probe.Of!, Pieces = probe.Pieces!.Value, Seed = seed, Bos = bos };
        return new MixedProbePhase(mixed, [.. probe.Of!.Select(domain => data[domain])], tokenizer);
    }

    private IEnumerable<LatencyPhase> LatenciesOf()
    {
        if (recipe.Latency is not { } latency) return [];
        var origins = latency.Models.ToDictionary(name => name, name => Models.First(model => model.Name == name).Origin);
        var device = recipe.Seed.Training.Device;
        return new[] { (string?)null }.Concat(latency.Presets).Select(preset => new LatencyPhase(origins, new()
        {
            PromptTokens = latency.PromptTokens,
            NewTokens = latency.NewTokens,
            Runs = latency.Runs,
            Preset = preset,
            Device = device == TrainingSettings.DefaultDevice ? null : device,
        }));
    }

    private (TokenizerPhase Tokenizer, BeginOfText Bos) TokenizerOf(IReadOnlyList<DomainText> texts)
    {
        if (GivenFiles.Tokenizer(recipe) is { } file)
            return (new GivenTokenizerPhase(file, hashes), recipe.Data.Bos ?? GivenTokenizerPhase.UsualPlace(file));
        if (recipe.Data.Bos is BeginOfText.Document or BeginOfText.Window)
        {
            throw new InvalidInputException(
                "key 'data.bos'",
                "none with a tokenizer that the recipe trains, which begins texts with no token",
                $"{recipe.Data.Bos}",
                "remove it, or name a tokenizer by 'tokenizer.path'");
        }

        return (new TrainTokenizerPhase(recipe.Tokenizer, texts, recipe.RandomSeed), BeginOfText.None);
    }

    private ModelPhase SeedPhase()
    {
        if (recipe.Seed.Checkpoint is { } checkpoint) return new CheckpointPhase("seed", checkpoint, hashes);
        var shares = recipe.Seed.Shares ?? new Dictionary<string, double> { [recipe.GeneralDomain] = 1 };
        return Train("seed", null, recipe.Seed.Training, shares);
    }

    private ModelPhase ExpertPhase(string name, RecipeExpert expert)
    {
        if (expert.Checkpoint is { } checkpoint) return new CheckpointPhase(name, checkpoint, hashes);
        var domain = expert.DomainOf(name);
        var shares = new Dictionary<string, double> { [domain] = 1 };
        if (expert.GeneralShare > 0 && domain != recipe.GeneralDomain)
            (shares[domain], shares[recipe.GeneralDomain]) = (1 - expert.GeneralShare, expert.GeneralShare);
        return Train(name, seed, expert.Training, shares);
    }

    private ModelPhase MixturePhase(string name, RecipeMixture mixture)
    {
        var start = StartOf(name);
        return mixture.IsTrained
            ? Train(name, start, mixture.Training, SharesOf(mixture), FoundSharesOf(name, mixture), BudgetOf(name))
            : start;
    }

    private TrainPhase Train(
        string name,
        ModelPhase? start,
        TrainingSettings training,
        IReadOnlyDictionary<string, double> shares,
        SharesPhase? foundShares = null,
        BudgetPhase? budget = null)
    {
        var isMeasured = training.EvaluateEvery > 0;
        var settings = new TrainSettings
        {
            Training = training,
            Shares = shares,
            Sizes = start is null ? SeedSizes.Of(recipe) : null,
            RandomSeed = recipe.ModelSeed,
            EvaluateSequenceLength = isMeasured && EvaluationLength != training.SequenceLength ? EvaluationLength : null,
            EvaluateBatchSize = recipe.Evaluation.BatchSize,
        };
        return new(name, settings, new()
        {
            Start = start,
            Domains = DomainsOf(shares),
            Measured = isMeasured ? [.. data.Values] : [],
            Tokenizer = tokenizer,
            Shares = foundShares,
            Budget = budget,
        });
    }

    /// <summary>The model before it is trained: a mixture, or for a dense control the seed.</summary>
    private ModelPhase StartOf(string name) => recipe.Mixtures[name].Method == MixtureMethod.Dense ? seed : Mix(name);

    private MixPhase Mix(string name)
    {
        if (mixes.TryGetValue(name, out var mix)) return mix;
        var mixture = recipe.Mixtures[name];
        var members = mixture.MembersIn(recipe);
        return mixes[name] = new MixPhase(
            name,
            mixture.SettingsIn(recipe),
            seed,
            mixture.Method == MixtureMethod.Sparse ? [] : [.. members.Select(member => experts[member])],
            RecipeRouters.TokensOf(recipe, mixture) is null ? [] : RouterDomainsOf(members));
    }

    /// <summary>Each model's domain, the seed's first.</summary>
    private IReadOnlyList<DataPhase> RouterDomainsOf(IReadOnlyList<string> members) =>
        [data[recipe.GeneralDomain], .. members.Select(member => data[recipe.Experts[member].DomainOf(member)])];

    private SharesPhase? FoundSharesOf(string name, RecipeMixture mixture)
    {
        if (mixture.ShareBy == ShareBy.Equal) return null;
        var untrained = mixture.ShareBy == ShareBy.HeldOutLoss
            ? Evaluate($"{name}-untrained", StartOf(name), [.. data.Values], "evaluate")
            : null;
        return new SharesPhase(name, new() { By = mixture.ShareBy }, [.. data.Values], untrained);
    }

    /// <summary>The phase that finds the tokens of a mixture whose budget is matched; null when they are given.</summary>
    private BudgetPhase? BudgetOf(string name)
    {
        var mixture = recipe.Mixtures[name];
        if (mixture.Match is not { } match) return null;
        if (budgets.TryGetValue(name, out var budget)) return budget;
        var reference = recipe.Mixtures[match.Mixture];
        var referenceBudget = BudgetOf(match.Mixture);
        var settings = new BudgetSettings
        {
            By = match.By,
            ReferenceTokens = referenceBudget is null ? reference.Training.TotalSteps * reference.Training.TokensPerStep : null,
            Own = TokenCostSettings.Of(mixture.Training, match.By),
            Reference = TokenCostSettings.Of(reference.Training, match.By),
            ReferenceName = match.Mixture,
        };
        var domains = DomainsOf(SharesOf(mixture)).Concat(DomainsOf(SharesOf(reference)));
        return budgets[name] = new BudgetPhase(
            name, settings, StartOf(name), StartOf(match.Mixture), referenceBudget, domains);
    }

    private IReadOnlyDictionary<string, double> SharesOf(RecipeMixture mixture) =>
        mixture.Shares ?? recipe.Domains.Keys.ToDictionary(domain => domain, _ => 1.0);

    private IReadOnlyList<DataPhase> DomainsOf(IReadOnlyDictionary<string, double> shares) =>
        [.. shares.Keys.Select(domain => data[domain])];

    private static string Existing(string script) => File.Exists(script)
        ? script
        : throw new InvalidInputException(script, "the script that the recipe names", "nothing", "check the path");

    private static ModelKind KindOf(MixtureMethod method) => method switch
    {
        MixtureMethod.Bam => ModelKind.Bam,
        MixtureMethod.Btx => ModelKind.Btx,
        MixtureMethod.Soup => ModelKind.Soup,
        MixtureMethod.Dense => ModelKind.Dense,
        _ => ModelKind.Sparse,
    };
}

/// <summary>
/// One model of an experiment: its name in the tables, an expert's domain, the phases that make and measure it, and the one that
/// finds its budget if that is matched to another mixture's.
/// </summary>
internal sealed record ExperimentModel(
    string Name, ModelKind Kind, string? Domain, ModelPhase Origin, EvaluatePhase Evaluation, BudgetPhase? Budget)
{
    /// <summary>The phase that measures it on the probes; null without any.</summary>
    public EvaluatePhase? Probes { get; init; }

    /// <summary>The phases that measure it on downstream tasks, by the tasks' names.</summary>
    public IReadOnlyDictionary<string, TaskPhase> Tasks { get; init; } = new Dictionary<string, TaskPhase>();
}
