using Bam.Data;
using Bam.Evaluation;
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
    private readonly Dictionary<string, DataPhase> data;
    private readonly IReadOnlyList<ProbePhase> probes;
    private readonly ModelPhase seed;
    private readonly Dictionary<string, ModelPhase> experts;
    private readonly Dictionary<string, MixPhase> mixes = [];
    private readonly Dictionary<string, BudgetPhase> budgets = [];

    /// <summary>Makes the phases; reads the users' files to hash them, and does nothing else.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="hashes">Of the files that it names.</param>
    /// <exception cref="InvalidInputException">A file or a checkpoint that the recipe names is missing or is not what it must
    /// be.</exception>
    public ExperimentGraph(Recipe recipe, FileHashes hashes)
    {
        (this.recipe, this.hashes) = (recipe, hashes);
        GivenFiles.Check(recipe);
        var prepare = recipe.Prepare is { } script ? new PreparePhase(Existing(script), recipe.PrepareReads, hashes) : null;
        var texts = recipe.Domains.Select(domain => new DomainText(domain.Key, domain.Value, prepare, hashes)).ToList();
        tokenizer = TokenizerOf(texts);
        data = texts.ToDictionary(text => text.Name, text => new DataPhase(text, recipe.Data, recipe.RandomSeed, tokenizer));
        seed = SeedPhase();
        experts = recipe.Experts.ToDictionary(expert => expert.Key, expert => ExpertPhase(expert.Key, expert.Value));
        probes = [.. ProbesOf()];
        Models = [.. ModelsOf()];
        Latencies = [.. LatenciesOf()];
        // All text is looked at before any training starts: a fault in it must not cost hours.
        UpToBudgets = PhasePlan.Order([.. data.Values, .. probes, .. Models.Select(model => model.Budget).OfType<Phase>()]);
        Order = PhasePlan.Order([.. UpToBudgets, .. Models.SelectMany(Evaluations), .. Latencies]);
    }

    /// <summary>The models in the order of the tables.</summary>
    public IReadOnlyList<ExperimentModel> Models { get; }

    /// <summary>The measurements of latency, one for each size.</summary>
    public IReadOnlyList<LatencyPhase> Latencies { get; }

    /// <summary>
    /// What must run before the budget of every mixture is known: all of it comes before the first mixture is trained.
    /// </summary>
    public IReadOnlyList<Phase> UpToBudgets { get; }

    /// <summary>All phases, dependencies first.</summary>
    public IReadOnlyList<Phase> Order { get; }

    private PerplexityOptions Evaluation => new()
    {
        WindowLength = recipe.Evaluation.SequenceLength ?? recipe.Seed.Training.SequenceLength,
        BatchSize = recipe.Evaluation.BatchSize,
    };

    private IEnumerable<ExperimentModel> ModelsOf()
    {
        yield return Model("seed", ModelKind.Seed, null, seed, null);
        foreach (var (name, expert) in recipe.Experts)
            yield return Model(name, ModelKind.Expert, recipe.Domains.ContainsKey(expert.DomainOf(name)) ? expert.DomainOf(name) : null, experts[name], null);
        foreach (var (name, mixture) in recipe.Mixtures)
            yield return Model(name, KindOf(mixture.Method), null, MixturePhase(name, mixture), BudgetOf(name));
    }

    private static IEnumerable<Phase> Evaluations(ExperimentModel model) => model.Probes is { } probes ? [model.Evaluation, probes] : [model.Evaluation];

    private ExperimentModel Model(string name, ModelKind kind, string? domain, ModelPhase origin, BudgetPhase? budget)
    {
        var device = recipe.Seed.Training.Device;
        return new(name, kind, domain, origin, new EvaluatePhase(name, origin, [.. data.Values], Evaluation, device), budget)
        {
            Probes = probes.Count == 0 ? null : new EvaluatePhase(name, origin, probes, Evaluation, device, "probe-evaluate"),
        };
    }

    private IEnumerable<ProbePhase> ProbesOf()
    {
        var prepare = recipe.ProbePrepare is { } script ? new PreparePhase(Existing(script), recipe.ProbePrepareReads, hashes, "probes") : null;
        foreach (var (name, probe) in recipe.Probes.SelectMany(probe => probe.Value.Parts(probe.Key)))
        {
            yield return probe switch
            {
                { Text: { } text } => new UnseenProbePhase(new DomainText(name, text, prepare, hashes), probe.MaxTokens, recipe.RandomSeed, tokenizer),
                { Corrupt: { } probability } => new CorruptedProbePhase(name, data[probe.Of![0]], probability, recipe.RandomSeed, tokenizer),
                _ => new MixedProbePhase(name, [.. probe.Of!.Select(domain => data[domain])], probe.Pieces!.Value, recipe.RandomSeed, tokenizer),
            };
        }
    }

    private IEnumerable<LatencyPhase> LatenciesOf()
    {
        if (recipe.Latency is not { } latency) return [];
        var origins = latency.Models.ToDictionary(name => name, name => Models.First(model => model.Name == name).Origin);
        return new[] { (string?)null }.Concat(latency.Presets).Select(preset => new LatencyPhase(origins, latency, preset, recipe.Seed.Training.Device));
    }

    private TokenizerPhase TokenizerOf(IReadOnlyList<DomainText> texts)
    {
        if (GivenFiles.Tokenizer(recipe) is { } file) return new GivenTokenizerPhase(file, hashes, recipe.Data.Bos);
        if (recipe.Data.Bos is BeginOfText.Document or BeginOfText.Window)
            throw new InvalidInputException("key 'data.bos'", "none with a tokenizer that the recipe trains, which begins texts with no token", $"{recipe.Data.Bos}", "remove it, or name a tokenizer by 'tokenizer.path'");
        return new TrainTokenizerPhase(recipe.Tokenizer, texts, recipe.RandomSeed);
    }

    private ModelPhase SeedPhase()
    {
        if (recipe.Seed.Checkpoint is { } checkpoint) return new CheckpointPhase("seed", checkpoint, hashes);
        var shares = recipe.Seed.Shares ?? new Dictionary<string, double> { [recipe.GeneralDomain] = 1 };
        return new TrainPhase("seed", null, SeedSizes.Of(recipe), recipe.ModelSeed, Plan(recipe.Seed.Training, shares));
    }

    private ModelPhase ExpertPhase(string name, RecipeExpert expert)
    {
        if (expert.Checkpoint is { } checkpoint) return new CheckpointPhase(name, checkpoint, hashes);
        var domain = expert.DomainOf(name);
        var shares = new Dictionary<string, double> { [domain] = 1 };
        if (expert.GeneralShare > 0 && domain != recipe.GeneralDomain)
            (shares[domain], shares[recipe.GeneralDomain]) = (1 - expert.GeneralShare, expert.GeneralShare);
        return new TrainPhase(name, seed, null, recipe.ModelSeed, Plan(expert.Training, shares));
    }

    private ModelPhase MixturePhase(string name, RecipeMixture mixture)
    {
        var start = StartOf(name);
        if (!mixture.IsTrained) return start;
        var plan = Plan(mixture.Training, SharesOf(mixture), BudgetOf(name)) with { Shares = FoundSharesOf(name, mixture) };
        return new TrainPhase(name, start, null, recipe.ModelSeed, plan);
    }

    /// <summary>The model before it is trained: a mixture, or for a dense control the seed.</summary>
    private ModelPhase StartOf(string name) => recipe.Mixtures[name].Method == MixtureMethod.Dense ? seed : Mix(name);

    private MixPhase Mix(string name)
    {
        if (mixes.TryGetValue(name, out var mix)) return mix;
        var mixture = recipe.Mixtures[name];
        var members = mixture.Of ?? [.. experts.Keys];
        // A sparse mixture has copies of the seed where the others have experts.
        var isSparse = mixture.Method == MixtureMethod.Sparse;
        return mixes[name] = new MixPhase(
            name,
            mixture,
            seed,
            isSparse ? [] : [.. members.Select(member => experts[member])],
            isSparse ? mixture.Experts ?? members.Count + 1 : mixture.Experts,
            recipe.ModelSeed,
            mixture.RouterTokens is { } tokens ? new RouterDomains(DomainsOf(members), tokens, recipe.Seed.Training.Device) : null);
    }

    /// <summary>Each model's domain, the seed's first.</summary>
    private IReadOnlyList<DataPhase> DomainsOf(IReadOnlyList<string> members) =>
        [data[recipe.GeneralDomain], .. members.Select(member => data[recipe.Experts[member].DomainOf(member)])];

    private SharesPhase? FoundSharesOf(string name, RecipeMixture mixture)
    {
        if (mixture.ShareBy == ShareBy.Equal) return null;
        var untrained = mixture.ShareBy == ShareBy.HeldOutLoss
            ? new EvaluatePhase($"{name}-untrained", StartOf(name), [.. data.Values], Evaluation, recipe.Seed.Training.Device)
            : null;
        return new SharesPhase(name, mixture.ShareBy, [.. data.Values], untrained);
    }

    /// <summary>The phase that finds the tokens of a mixture whose budget is matched; null when they are given.</summary>
    private BudgetPhase? BudgetOf(string name)
    {
        var mixture = recipe.Mixtures[name];
        if (mixture.Match is not { } match) return null;
        if (budgets.TryGetValue(name, out var budget)) return budget;
        var reference = recipe.Mixtures[match.Mixture];
        return budgets[name] = new BudgetPhase(
            name,
            match.By,
            new BudgetSide(StartOf(name), name, mixture.Training, Mixed(SharesOf(mixture))),
            new BudgetSide(StartOf(match.Mixture), match.Mixture, reference.Training, Mixed(SharesOf(reference))),
            BudgetOf(match.Mixture));
    }

    private TrainingPlan Plan(TrainingSettings settings, IReadOnlyDictionary<string, double> shares, BudgetPhase? budget = null) => new()
    {
        Settings = settings,
        Domains = Mixed(shares),
        Budget = budget,
        Tokenizer = tokenizer,
        Measured = [.. data.Values],
        Evaluation = Evaluation,
    };

    private IReadOnlyDictionary<string, double> SharesOf(RecipeMixture mixture) =>
        mixture.Shares ?? recipe.Domains.Keys.ToDictionary(domain => domain, _ => 1.0);

    private IReadOnlyList<DomainShare> Mixed(IReadOnlyDictionary<string, double> shares) =>
        [.. shares.Select(share => new DomainShare(data[share.Key], share.Value))];

    private static string Existing(string script) =>
        File.Exists(script) ? script : throw new InvalidInputException(script, "the script that the recipe names", "nothing", "check the path");

    private static ModelKind KindOf(MixtureMethod method) => method switch
    {
        MixtureMethod.Bam => ModelKind.Bam,
        MixtureMethod.Btx => ModelKind.Btx,
        MixtureMethod.Soup => ModelKind.Soup,
        MixtureMethod.Dense => ModelKind.Dense,
        _ => ModelKind.Sparse,
    };
}
