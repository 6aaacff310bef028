using System.Diagnostics;
using Bam.Configuration;
using Bam.Data;
using Bam.Evaluation;
using Bam.Files;
using Bam.Models;
using Bam.Models.Costs;
using Bam.Training.Distributed;
using Bam.Training.Metrics;

namespace Bam.Training;

/// <summary>
/// Trains one model in one run directory, from the beginning or from the last whole checkpoint, and survives being stopped and
/// killed. Everything is computed on the calling thread.
/// </summary>
public sealed class Trainer
{
    private readonly TrainingConfig config;
    private readonly TrainingSettings settings;
    private readonly TrainerOptions options;
    private readonly RunSetup setup;
    private readonly RunDirectory run;
    private readonly TrainingSession session;
    private TrainerState state = new();
    private IMetricsSink[] sinks = [];
    private long savedStep;

    private Trainer(TrainingConfig config, TrainerOptions options, RunSetup setup, RunDirectory run, TrainingSession session)
    {
        (this.config, this.options, this.setup, this.run, this.session) = (config, options, setup, run, session);
        settings = config.Settings;
    }

    /// <summary>Trains to the end of the budget. A run that is finished already is not run again.</summary>
    /// <exception cref="InvalidInputException">The configuration, model or data is wrong, or another run is there.</exception>
    /// <exception cref="WorkFailedException">The disk is full, or a loss is not finite; names the last checkpoint.</exception>
    /// <exception cref="OperationCanceledException">Cancelled, after saving.</exception>
    /// <param name="config">What to train, on what, and where.</param>
    /// <param name="reporter">Receives progress, messages and warnings.</param>
    /// <param name="cancellation">Saves after the step, then throws; the same call continues the run.</param>
    public static TrainingResult Run(TrainingConfig config, IReporter? reporter = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(config);
        RecordRules.Check(config, "the training configuration");
        using var heldOut = config.Settings.EvaluateEvery > 0
            ? HeldOutDomains.Open(config.Data.Select(domain => (domain.Domain, HeldOutOf(domain))), "evaluate_every")
            : null;
        var windows = new PerplexityOptions { WindowLength = config.Settings.SequenceLength };
        return Run(config, new TrainerOptions
        {
            Reporter = reporter ?? SilentReporter.Instance,
            Cancellation = cancellation,
            Evaluation = heldOut is null ? null : new HeldOutEvaluation(heldOut, windows),
        });
    }

    internal static TrainingResult Run(TrainingConfig config, TrainerOptions options)
    {
        DistributedEnvironment.Current().RequireAlone("training");
        OutputPath.RequireWorkplace(config.Output, InputsOf(config));
        if (config.Model is { } start) ModelPath.Of(start).RequireNameLeftTo(config.Output);
        var setup = RunSetup.Of(config, options.Reporter, options.Cancellation);
        if (!RunDirectory.IsFinished(config.Output)) setup.RequireMemory(options.Reporter);
        using var run = RunDirectory.Open(config, setup.Identity);
        if (Directory.Exists(run.ModelPath))
        {
            var last = TrainerState.Load(run.ModelPath);
            last.RequireOf(run.ModelPath, config.Settings, isLast: true);
            options.Reporter.Say($"{run.Path}: is finished already");
            return ResultOf(run, config, setup, last);
        }

        using var session = setup.CreateSession();
        return new Trainer(config, options, setup, run, session).Train();
    }

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
        using var lines = new JsonlMetrics(run.MetricsPath, state.Step, state.EvaluationIsDue, options.Reporter);
        var isFirst = state.Step == 0 && !Directory.Exists(run.EventsPath);
        using var events = new TensorBoardMetrics(new TensorBoardWriter(run.EventsPath, isFirst ? null : state.Step + 1));
        sinks = [lines, events];
        var meter = new StepMeter(session.Model.Config, config, setup.Device, options.MeasurePeak);
        while (true)
        {
            if (options.Cancellation.IsCancellationRequested) Stop();
            if (state.EvaluationIsDue && options.Evaluation is { } evaluation && !Evaluate(evaluation)) continue;
            if (state.Step >= settings.TotalSteps) break;
            if (settings.CheckpointEvery > 0 && state.Step % settings.CheckpointEvery == 0) Save();
            Step(meter);
        }

        return Finish();
    }

    private void Step(StepMeter meter)
    {
        var done = state.Step + 1;
        var isLogged = done % settings.LogEvery == 0 || done == settings.TotalSteps;
        var statistics = isLogged && session.Model.Config.IsMixture
            ? new RoutingStatistics(session.Model.Config, config.Data.Count)
            : null;
        var start = Stopwatch.GetTimestamp();
        var step = session.Step(state.Step, statistics);
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
        var loss = FormattableString.Invariant($"loss {step.Loss:0.000}");
        options.Reporter.Advance(
            new(options.Activity, state.Tokens, settings.TotalSteps * settings.TokensPerStep, "tokens", loss));
        if (!isLogged) return;
        var metrics = meter.Metrics(state, step, statistics);
        foreach (var sink in sinks) sink.Write(metrics);
        state = state with { Window = new() };
    }

    /// <summary>False when cancelled during the evaluation.</summary>
    private bool Evaluate(IEvaluation evaluation)
    {
        try
        {
            var metrics = new EvaluationMetrics(
                state.Step, evaluation.Measure(session.Model, options.Activity, options.Reporter, options.Cancellation));
            var faulty = metrics.Evaluation.FirstOrDefault(domain => !double.IsFinite(domain.Value.Nll));
            if (faulty is { Key: { } name, Value: var found })
                throw StepFailure.NotFinite(state.Step, name, found.Nll);
            foreach (var sink in sinks) sink.Write(metrics);
        }
        catch (OperationCanceledException) when (options.Cancellation.IsCancellationRequested)
        {
            return false;
        }

        state = state with { EvaluationIsDue = false };
        return true;
    }

    private void Stop()
    {
        Save();
        Flush();
        options.Reporter.Say(
            $"{run.Path}: stopped after step {state.Step} of {settings.TotalSteps}; the same command goes on from there");
        throw new OperationCanceledException(options.Cancellation);
    }

    private void Save()
    {
        if (state.Step == savedStep) return;
        run.Checkpoints.Add(
            state.Step, settings.KeepCheckpoints,
            directory => TrainingCheckpoint.Save(directory, session, state, setup.Companions), options.Reporter);
        savedStep = state.Step;
    }

    private void Flush()
    {
        foreach (var sink in sinks) sink.Flush();
    }

    private TrainingResult Finish()
    {
        Flush();
        using var final = new AtomicDirectory(run.ModelPath, OwnFiles.InRun(_ => false));
        TrainingCheckpoint.SaveModel(final.TemporaryPath, session.Model, state, setup.Companions);
        final.Commit();
        return ResultOf(run, config, setup, state);
    }

    private TrainerState Begin()
    {
        setup.FillParameters(session.Model);
        options.Reporter.Say(
            $"{run.Path}: {session.Model.Slices.Sum(s => s.Count):N0} parameters, "
            + $"{session.Optimizer.Ranges.Sum(r => r.Count):N0} trained, "
            + $"{settings.TotalSteps:N0} steps of {settings.TokensPerStep:N0} tokens");
        return new() { Identity = setup.Identity };
    }

    private TrainerState? Resume()
    {
        var checkpoints = run.Checkpoints.Newest;
        foreach (var checkpoint in checkpoints)
        {
            try
            {
                var found = TrainingCheckpoint.Load(checkpoint, session);
                found.RequireOf(checkpoint, settings, isLast: false);
                setup.UseCompanionsOf(checkpoint);
                options.Reporter.Say($"{run.Path}: goes on after step {found.Step} of {settings.TotalSteps}");
                if (found.Identity?.Compute.DifferenceTo(setup.Identity.Compute) is { } difference)
                    options.Reporter.Warn($"the resumed run may not repeat an unbroken one bit for bit: {difference}");
                return found with { Identity = setup.Identity };
            }
            catch (InvalidInputException e)
            {
                options.Reporter.Warn($"{checkpoint}: cannot be resumed from, trying the one before ({e.Message})");
            }
        }

        return checkpoints.Count == 0
            ? null
            : throw new InvalidInputException(
                $"{run.Checkpoints.Directory}: no checkpoint can be resumed from; remove {run.Path} to begin again");
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

/// <summary>The result of a finished run.</summary>
public sealed record TrainingResult
{
    /// <summary>The trained model's directory.</summary>
    public required string Model { get; init; }

    /// <summary>The metrics, one JSON object per line.</summary>
    public required string Metrics { get; init; }

    /// <summary>The optimizer steps.</summary>
    public required long Steps { get; init; }

    /// <summary>The tokens trained on.</summary>
    public required long Tokens { get; init; }

    /// <summary>Seconds inside training steps × threads, without evaluation, saving and loading.</summary>
    public required double CoreSeconds { get; init; }

    /// <summary>Tokens over the seconds inside training steps.</summary>
    public required double TokensPerSecond { get; init; }

    /// <summary>3 × the forward pass of all tokens, all layers and the head, attention scores counted causally.</summary>
    public required double Flops { get; init; }
}
