using System.Diagnostics;
using Bam.Configuration;
using Bam.Data;
using Bam.Evaluation;
using Bam.Files;
using Bam.Models;
using Bam.Models.Costs;
using Bam.Torch;
using Bam.Training.Distributed;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>
/// Trains one model in one run directory, from the beginning or from the last whole checkpoint, and survives being stopped and
/// killed. Everything is computed on the calling thread. The processes of a run that has several each call this; the first one
/// speaks and writes, and decides what all resume from.
/// </summary>
public sealed class Trainer
{
    private readonly TrainingConfig config;
    private readonly TrainingSettings settings;
    private readonly TrainerOptions options;
    private readonly RunSetup setup;
    private readonly RunDirectory run;
    private readonly TrainingSession session;
    private readonly ParallelLayout layout;
    private TrainerState state = new();
    private IMetricsSink[] sinks = [];
    private long savedStep;
    private bool isToStop;

    private Trainer(TrainingConfig config, TrainerOptions options, RunSetup setup, RunDirectory run, TrainingSession session)
    {
        (this.config, this.options, this.setup, this.run, this.session) = (config, options, setup, run, session);
        (settings, layout) = (config.Settings, session.Layout);
    }

    /// <summary>Trains to the end of the budget. A run that is finished already is not run again.</summary>
    /// <exception cref="InvalidInputException">The configuration, model or data is wrong, or another run is there.</exception>
    /// <exception cref="WorkFailedException">The disk is full, or a loss is not finite; names the last checkpoint.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, after saving.</exception>
    /// <remarks>
    /// torchrun's and Slurm's environment variables make this process one of several; an exception of libtorch's process groups
    /// then names the rank that is gone.
    /// </remarks>
    /// <param name="config">What to train, on what, and where.</param>
    /// <param name="reporter">Receives progress, messages and warnings.</param>
    /// <param name="cancellation">Saves after the step, then throws; the same call continues the run.</param>
    public static TrainingResult Run(TrainingConfig config, IReporter? reporter = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Run(() => config, reporter, cancellation);
    }

    /// <summary>
    /// Trains what a file says, with the other processes that a launcher started, if any. Where one of them cannot read it, the
    /// others hear why.
    /// </summary>
    internal static TrainingResult Run(
        Func<TrainingConfig> load, IReporter? reporter = null, CancellationToken cancellation = default)
    {
        var environment = DistributedEnvironment.Current();
        var (config, heldOut, device) = RankStart.Prepare(environment, () =>
        {
            var config = load();
            RecordRules.Check(config, "the training configuration");
            var heldOut = HeldOutOf(config);
            try
            {
                return (config, heldOut, Prepare(config, environment));
            }
            catch
            {
                heldOut?.Dispose();
                throw;
            }
        });
        using var opened = heldOut;
        using var layout = ParallelLayout.Join(environment, config.Settings.Parallel, device);
        var windows = new PerplexityOptions { WindowLength = config.Settings.SequenceLength };
        var options = new TrainerOptions
        {
            Reporter = reporter ?? SilentReporter.Instance,
            Cancellation = cancellation,
            Evaluation = heldOut is null ? null : new HeldOutEvaluation(heldOut, windows),
        };
        return Run(config, options, device, layout);
    }

    /// <summary>Trains in this process alone, whatever started it.</summary>
    internal static TrainingResult Run(TrainingConfig config, TrainerOptions options)
    {
        var device = Prepare(config, DistributedEnvironment.Alone);
        using var layout = ParallelLayout.Alone();
        return Run(config, options, device, layout);
    }

    /// <summary>Trains as one of the processes of a layout.</summary>
    internal static TrainingResult Run(TrainingConfig config, TrainerOptions options, Device device, ParallelLayout layout)
    {
        using var log = layout.IsFirst ? null : new RankLog();
        try
        {
            return Run(config, log is null ? options : options with { Reporter = log }, device, layout, log);
        }
        catch (Exception e) when (e is not AgreedCancellationException)
        {
            log?.Say($"failed: {e.Message}");
            layout.ReportFailure(e);
            throw;
        }
    }

    private static TrainingResult Run(
        TrainingConfig config, TrainerOptions options, Device device, ParallelLayout layout, RankLog? log)
    {
        var setup = RunSetup.Of(config, device, layout, options.Reporter, options.Cancellation);
        if (!RunDirectory.IsFinished(config.Output)) setup.RequireMemory(options.Reporter);
        RankStart.RequireSame(config, setup.Identity, layout);
        using var opened = layout.IsFirst ? RunDirectory.Open(config, setup.Identity) : null;
        var isFinished = layout.FromFirst(opened is not null && Directory.Exists(opened.ModelPath) ? 1 : 0) != 0;
        var run = opened ?? RunDirectory.Follow(config);
        log?.Open(run.LogOf(layout.World.Rank));
        if (isFinished)
        {
            var last = TrainerState.Load(run.ModelPath);
            last.RequireOf(run.ModelPath, config.Settings, isLast: true);
            options.Reporter.Say($"{run.Path}: is finished already");
            return ResultOf(run, config, setup, last);
        }

        using var session = setup.CreateSession();
        return new Trainer(config, options, setup, run, session).Train();
    }

    private static Device Prepare(TrainingConfig config, DistributedEnvironment environment)
    {
        ParallelLayout.RequireSize(environment.Size, config.Settings.Parallel);
        OutputPath.RequireWorkplace(config.Output, InputsOf(config));
        if (config.Model is { } start) ModelPath.Of(start).RequireNameLeftTo(config.Output);
        return RunSetup.DeviceOf(config.Settings, environment.LocalRank);
    }

    private static HeldOutDomains? HeldOutOf(TrainingConfig config) => config.Settings.EvaluateEvery > 0
        ? HeldOutDomains.Open(config.Data.Select(domain => (domain.Domain, HeldOutOf(domain))), "evaluate_every")
        : null;

    private static string HeldOutOf(TrainingDomain domain)
    {
        if (domain.Validation is not null) return domain.Validation;
        if (DataBuildReport.IsIn(domain.Path) || !IndexedDataset.Exists(domain.Path)) return domain.Path;
        throw new InvalidInputException(
            $"{domain.Path}: is an indexed data set without held-out text; name one by key 'validation' of domain "
            + $"'{domain.Domain}', or set key 'evaluate_every' to 0");
    }

    private static IEnumerable<string> InputsOf(TrainingConfig config)
    {
        var sizes = config.Config?.Scalar is { } name && name.Contains('/') ? name : null;
        IEnumerable<string?> named =
            [.. config.Model is { } model ? ModelPath.Of(model).Directories : [], sizes, config.Tokenizer];
        return [.. named.OfType<string>(), .. TrainingData.FilesOf(config)];
    }

    private TrainingResult Train()
    {
        try
        {
            return TrainToTheEnd();
        }
        catch (WorkFailedException e)
        {
            var lastGood = run.Checkpoints.Newest is [var newest, ..]
                ? $"the last good checkpoint is {newest}"
                : "there is no checkpoint yet";
            throw new WorkFailedException($"{e.Message}; {lastGood}", e);
        }
    }

    private TrainingResult TrainToTheEnd()
    {
        state = Resume() ?? Begin();
        savedStep = state.Step;
        using var metrics = layout.IsFirst ? OpenMetrics() : null;
        sinks = metrics?.Sinks ?? [];
        var meter = layout.IsFirst
            ? new StepMeter(session.Model.Config, config, setup.Device, options.MeasurePeak, layout.World.Size)
            : null;
        isToStop = IsAnywhere(options.Cancellation.IsCancellationRequested);
        while (true)
        {
            if (isToStop || (layout.IsAlone && options.Cancellation.IsCancellationRequested)) Stop();
            if (state.EvaluationIsDue && options.Evaluation is { } evaluation && !Evaluate(evaluation)) continue;
            if (state.Step >= settings.TotalSteps) break;
            if (settings.CheckpointEvery > 0 && state.Step % settings.CheckpointEvery == 0) Save();
            Step(meter);
        }

        return Finish();
    }

    private MetricsFiles OpenMetrics()
    {
        var lines = new JsonlMetrics(run.MetricsPath, state.Step, state.EvaluationIsDue, options.Reporter);
        var isFirst = state.Step == 0 && !Directory.Exists(run.EventsPath);
        return new([lines, new TensorBoardMetrics(new TensorBoardWriter(run.EventsPath, isFirst ? null : state.Step + 1))]);
    }

    // True on every process if it is on one.
    private bool IsAnywhere(bool own) => layout.Exchange(own ? 1 : 0).Any(rank => rank[0] != 0);

    private void Step(StepMeter? meter)
    {
        var done = state.Step + 1;
        var isLogged = done % settings.LogEvery == 0 || done == settings.TotalSteps;
        var statistics = isLogged && session.Model.Config.IsMixture
            ? new RoutingStatistics(session.Model.Config, config.Data.Count)
            : null;
        var start = Stopwatch.GetTimestamp();
        var step = session.Step(state.Step, statistics, options.Cancellation.IsCancellationRequested);
        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        state = state with
        {
            Step = done,
            Tokens = state.Tokens + settings.TokensPerStep,
            StepSeconds = state.StepSeconds + seconds,
            CoreSeconds = state.CoreSeconds + seconds * setup.Threads,
            Window = state.Window.With(step, seconds),
            EvaluationIsDue = settings.EvaluateEvery > 0 && (done % settings.EvaluateEvery == 0 || done == settings.TotalSteps),
        };
        isToStop = step.Stops;
        var loss = FormattableString.Invariant($"loss {step.Loss:0.000}");
        options.Reporter.Advance(
            new(options.Activity, state.Tokens, settings.TotalSteps * settings.TokensPerStep, "tokens", loss));
        if (!isLogged) return;
        if (meter?.Metrics(state, step, statistics) is { } metrics)
            foreach (var sink in sinks) sink.Write(metrics);
        state = state with { Window = new() };
    }

    /// <summary>The data-parallel processes divide the batches. False when one was cancelled meanwhile.</summary>
    private bool Evaluate(IEvaluation evaluation)
    {
        // Processes that share the experts compute every window together: none can leave in the middle.
        var cancellation = layout.Experts.Size > 1 ? CancellationToken.None : options.Cancellation;
        EvaluationMetrics? metrics = null;
        try
        {
            var found = evaluation.Measure(session.Model, layout.Data, options.Activity, options.Reporter, cancellation);
            metrics = new(state.Step, found);
        }
        catch (OperationCanceledException)
        {
            // This process or another one: all learn of it below.
        }

        isToStop = IsAnywhere(metrics is null);
        if (isToStop || metrics is null) return false;
        var faulty = metrics.Evaluation.FirstOrDefault(domain => !double.IsFinite(domain.Value.Nll));
        if (faulty is { Key: { } name, Value: var bad }) throw StepFailure.NotFinite(state.Step, name, bad.Nll);
        foreach (var sink in sinks) sink.Write(metrics);
        state = state with { EvaluationIsDue = false };
        return true;
    }

    private void Stop()
    {
        Save();
        Flush();
        options.Reporter.Say(
            $"{run.Path}: stopped after step {state.Step} of {settings.TotalSteps}; the same command goes on from there");
        // A launcher ends the others once one has left: not before the checkpoint is whole.
        layout.World.Barrier();
        throw layout.IsAlone ? new OperationCanceledException(options.Cancellation) : new AgreedCancellationException();
    }

    private void Save()
    {
        if (state.Step == savedStep) return;
        if (layout.IsFirst)
        {
            run.Checkpoints.Add(
                state.Step, settings.KeepCheckpoints,
                directory => TrainingCheckpoint.Save(directory, session, state, setup.Companions), options.Reporter);
        }
        else
        {
            TrainingCheckpoint.SendParts(session);
        }

        savedStep = state.Step;
    }

    private void Flush()
    {
        foreach (var sink in sinks) sink.Flush();
    }

    private TrainingResult Finish()
    {
        Flush();
        if (!layout.IsFirst) TrainingCheckpoint.SendModel(session);
        else
        {
            using var final = new AtomicDirectory(run.ModelPath, OwnFiles.InRun(_ => false));
            TrainingCheckpoint.SaveModel(final.TemporaryPath, session.Model, state, setup.Companions);
            final.Commit();
        }

        layout.World.Barrier();
        return ResultOf(run, config, setup, state);
    }

    private TrainerState Begin()
    {
        setup.FillParameters(session.Model);
        var parameters = ParameterLayout.FileOrder(session.Model.Config);
        options.Reporter.Say(
            $"{run.Path}: {parameters.Sum(p => p.Count):N0} parameters, "
            + $"{parameters.Where(p => session.Trained.Contains(p.Name)).Sum(p => p.Count):N0} trained, "
            + $"{settings.TotalSteps:N0} steps of {settings.TokensPerStep:N0} tokens");
        return new() { Identity = setup.Identity };
    }

    private TrainerState? Resume()
    {
        // The first process decides: only it may see directories that another one is about to see.
        var checkpoints = layout.IsFirst ? run.Checkpoints.Newest : [];
        var count = (int)layout.FromFirst(checkpoints.Count);
        for (var i = 0; i < count; i++)
        {
            var step = (long)layout.FromFirst(layout.IsFirst ? CheckpointStore.StepOf(checkpoints[i])!.Value : 0);
            var checkpoint = run.Checkpoints.PathOf(step);
            var (found, fault) = Load(checkpoint);
            var faulty = Array.FindIndex(layout.Exchange(fault is null ? 0 : 1), rank => rank[0] != 0);
            if (found is not null && faulty < 0)
            {
                setup.UseCompanionsOf(checkpoint);
                options.Reporter.Say($"{run.Path}: goes on after step {found.Step} of {settings.TotalSteps}");
                if (found.Identity?.Compute.DifferenceTo(setup.Identity.Compute) is { } difference)
                    options.Reporter.Warn($"the resumed run may not repeat an unbroken one bit for bit: {difference}");
                return found with { Identity = setup.Identity };
            }

            options.Reporter.Warn(
                $"{checkpoint}: cannot be resumed from, trying the one before "
                + $"({fault ?? $"rank {faulty}: see {run.LogOf(faulty)}"})");
        }

        return count == 0
            ? null
            : throw new InvalidInputException(
                $"{run.Checkpoints.Directory}: no checkpoint can be resumed from; remove {run.Path} to begin again");
    }

    private (TrainerState? State, string? Fault) Load(string checkpoint)
    {
        try
        {
            var found = TrainingCheckpoint.Load(checkpoint, session);
            found.RequireOf(checkpoint, settings, isLast: false);
            return (found, null);
        }
        catch (InvalidInputException e)
        {
            return (null, e.Message);
        }
    }

    private static TrainingResult ResultOf(RunDirectory run, TrainingConfig config, RunSetup setup, TrainerState state) => new()
    {
        Model = run.ModelPath,
        Metrics = run.MetricsPath,
        Steps = state.Step,
        Tokens = state.Tokens,
        CoreSeconds = state.CoreSeconds,
        TokensPerSecond = state.Tokens / state.StepSeconds,
        Flops = state.Tokens * ModelFlops.Training(setup.ModelConfig, config.Settings.SequenceLength),
    };
}

/// <summary>A caller's options of a run. None changes the result.</summary>
internal sealed record TrainerOptions
{
    /// <summary>The run's name in progress lines: "train law".</summary>
    public string Activity { get; init; } = "train";

    public IReporter Reporter { get; init; } = SilentReporter.Instance;

    /// <summary>Measures the model every <see cref="TrainingSettings.EvaluateEvery"/> steps; null for never.</summary>
    public IEvaluation? Evaluation { get; init; }

    /// <summary>True: the rate of a matrix product is measured, for <see cref="StepMetrics.FractionOfPeak"/>.</summary>
    public bool MeasurePeak { get; init; } = true;

    /// <summary>Cancellation token: the run saves after the step and throws <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Cancellation { get; init; }
}
