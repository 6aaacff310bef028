using System.Security.Cryptography;
using System.Text;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Evaluation;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Models.Costs;

namespace Bam.Experiments;

/// <summary>A recipe with one seed number: its phases, and what they found.</summary>
internal sealed class RecipeUnit
{
    private readonly Recipe recipe;
    private readonly PhaseStore store;
    private readonly ExperimentGraph graph;

    /// <summary>
    /// Makes the phases of a recipe with one seed number; reads the users' files to hash them, and does nothing else.
    /// </summary>
    public RecipeUnit(Recipe recipe, PhaseStore store, FileHashes hashes)
    {
        (this.recipe, this.store) = (recipe, store);
        graph = new ExperimentGraph(recipe, hashes);
    }

    /// <summary>The seed number.</summary>
    public long Seed => recipe.ModelSeed;

    /// <summary>SHA-256 of all that the figures depend on.</summary>
    public string Key => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        string.Join('\n', graph.Models.SelectMany(KeysOf).Concat(graph.Latencies.Concat<Phase>(graph.Comparisons)
            .Select(phase => phase.Key))))));

    /// <summary>What a run would do, phase by phase, and why.</summary>
    public IReadOnlyList<PlannedPhase> Plan() => PhasePlan.Make(graph.Order, store);

    /// <summary>All phases, dependencies first.</summary>
    public IReadOnlyList<Phase> Phases => graph.Order;

    /// <summary>
    /// Runs what is not finished, together with the other workers in the directory; takes phases of <paramref name="later"/>
    /// units instead of waiting for another worker.
    /// </summary>
    /// <returns>True if this worker ran a phase.</returns>
    /// <exception cref="InvalidInputException">An input turned out wrong.</exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public bool Run(IReadOnlyList<Phase> later, IReporter reporter, CancellationToken cancellation) =>
        PhaseRunner.Run(graph.Order, store, reporter, cancellation, later, ran: phase => ShowFigures(phase, reporter)) > 0;

    /// <summary>
    /// Collects the results of finished phases; date and machine are those of <paramref name="earlier"/> results of the same key.
    /// </summary>
    public Results Collect(string resolvedRecipe, Results? earlier)
    {
        if (earlier?.Key != Key) earlier = null;
        var models = graph.Models.Select(Result).ToList();
        return new Results
        {
            Recipe = recipe.Name,
            RandomSeed = Seed,
            Key = Key,
            Seconds = graph.Order.Sum(phase => phase.SecondsIn(store)),
            Created = earlier?.Created ?? DateTimeOffset.UtcNow,
            Machine = earlier?.Machine ?? ThisMachine.Describe(),
            Domains = [.. recipe.Domains.Keys],
            Probes = [.. recipe.Probes.SelectMany(probe => probe.Value.Parts(probe.Key)).Select(part => part.Name)],
            Tasks = [.. recipe.Tasks.Keys],
            Models = models,
            ResolvedRecipe = resolvedRecipe,
        };
    }

    /// <summary>Runs what every mixture's budget needs, and finds them.</summary>
    /// <returns>The budgets, in the order of the mixtures.</returns>
    /// <exception cref="InvalidInputException">An input turned out wrong.</exception>
    /// <exception cref="WorkFailedException">A phase failed.</exception>
    /// <exception cref="OperationCanceledException">Stopped; what can be continued is saved.</exception>
    public IReadOnlyList<FoundBudget> Calibrate(IReporter reporter, CancellationToken cancellation)
    {
        PhaseRunner.Run(graph.UpToBudgets, store, reporter, cancellation);
        return [.. graph.Models.Where(model => model.Budget is not null)
            .Select(model => new FoundBudget(recipe.Name, Seed, model.Name, model.Budget!.OutcomeIn(store)))];
    }

    private void ShowFigures(Phase phase, IReporter reporter)
    {
        if (graph.Models.All(model => model.Evaluation != phase)) return;
        var measured = graph.Models.Where(model => store.TryGetOutcome(model.Evaluation, out _))
            .Select(model => (model.Name, model.Evaluation.ResultsIn(store)))
            .ToList();
        foreach (var line in TableSoFar.Lines(measured)) reporter.Say(line);
    }

    private static IEnumerable<string> KeysOf(ExperimentModel model)
    {
        var tasks = model.Tasks.SelectMany(task => new[] { task.Key, task.Value.Key });
        return model.Probes is { } probes
            ? [model.Name, model.Evaluation.Key, probes.Key, .. tasks]
            : [model.Name, model.Evaluation.Key, .. tasks];
    }

    private ModelResult Result(ExperimentModel model)
    {
        var measured = model.Evaluation.ResultsIn(store);
        var training = (model.Origin as TrainPhase)?.ResultIn(store);
        var config = ModelConfigReader.Load(model.Origin.ModelIn(store), SilentReporter.Instance);
        var size = ModelSize.Of(config);
        var metricsPath = training is null ? null : Path.Combine(store.DirectoryOf(model.Origin), "metrics.jsonl");
        var metrics = metricsPath is null ? null : MetricsLog.Load(metricsPath);
        var match = model.Budget?.OutcomeIn(store);
        return new ModelResult
        {
            Name = model.Name,
            Kind = model.Kind,
            Domain = model.Domain,
            Budget = match is null ? null : TextOf(match),
            Match = match,
            Experts = config.IsMixture ? ExpertsOf(model, config) : null,
            Perplexity = measured.ToDictionary(domain => domain.Key, domain => domain.Value.Perplexity),
            BitsPerByte = measured.ToDictionary(domain => domain.Key, domain => domain.Value.BitsPerByte ?? double.NaN),
            Tokens = measured.ToDictionary(domain => domain.Key, domain => domain.Value.Tokens),
            MeanPerplexity = PerplexityResult.Mean(measured.Values),
            Probes = model.Probes?.ResultsIn(store).ToDictionary(
                probe => probe.Key,
                probe => new ProbeResult(probe.Value.Perplexity, probe.Value.BitsPerByte ?? double.NaN, probe.Value.Tokens)),
            Tasks = model.Tasks.Count == 0
                ? null
                : model.Tasks.ToDictionary(task => task.Key, task => ScoreOf(model.Name, task.Key, task.Value)),
            ParametersTotal = size.Total,
            ParametersActive = size.Active,
            TrainingTokens = training?.Tokens ?? 0,
            CoreSeconds = training?.CoreSeconds ?? 0,
            TokensPerSecond = training?.TokensPerSecond ?? 0,
            Flops = training?.Flops ?? 0,
            Latency = LatencyOf(model.Name),
            FractionOfPeak = metrics?.FractionOfPeak,
            History = metrics is null ? null : TrainingHistory.Of(metrics),
            Metrics = metricsPath is null ? null : Path.GetRelativePath(store.RunDirectory, metricsPath),
        };
    }

    private TaskScore ScoreOf(string model, string task, TaskPhase phase)
    {
        var score = phase.ScoreIn(store);
        var comparison = graph.Comparisons.FirstOrDefault(comparison => comparison.Name == task);
        if (comparison is null || comparison.Against == model) return score;
        var differences = comparison.DifferencesIn(store)[model];
        return score with
        {
            Against = comparison.Against,
            Metrics = score.Metrics.ToDictionary(
                metric => metric.Key, metric => metric.Value with { Difference = differences[metric.Key] }),
        };
    }

    private Dictionary<string, LatencyResult>? LatencyOf(string model)
    {
        var measured = graph.Latencies.Where(latency => latency.ResultsIn(store).ContainsKey(model));
        var bySizes = measured.ToDictionary(latency => latency.Sizes, latency => latency.ResultsIn(store)[model]);
        return bySizes.Count == 0 ? null : bySizes;
    }

    // Sparse mixtures, and experts beyond the models, are copies of the seed's.
    private List<string> ExpertsOf(ExperimentModel model, ModelConfig config)
    {
        var members = model.Kind == ModelKind.Sparse ? [] : recipe.Mixtures[model.Name].MembersIn(recipe);
        return [.. Enumerable.Range(0, config.NumLocalExperts)
            .Select(expert => expert > 0 && expert <= members.Count ? members[expert - 1] : "seed")];
    }

    private static string TextOf(BudgetOutcome match) => match.By switch
    {
        MatchBy.CoreSeconds => $"core-seconds of {match.Reference}",
        MatchBy.Flops => $"FLOPs of {match.Reference}",
        _ => $"tokens of {match.Reference}",
    };
}
