using System.Diagnostics;
using Bam.Models;
using Bam.Training.Metrics;
using Bam.Training.Runs;

namespace Bam.Training;

/// <summary>
/// Trains one model in one run directory, from the beginning or from the last whole checkpoint, and survives being stopped and
/// killed. Everything is computed on the calling thread.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly TrainingConfig config;
    private readonly TrainingSettings settings;
    private readonly TrainerOptions options;
    private readonly RunSetup setup;
    private readonly RunDirectory run;
    private readonly TrainingSession session;
    private readonly List<IMetricsSink> sinks = [];
    private TrainerState state;
    private long savedStep;

    private Trainer(TrainingConfig config, TrainerOptions options, RunSetup setup, RunDirectory run)
    {
        (this.config, this.options, this.setup, this.run) = (config, options, setup, run);
        settings = config.Settings;
        session = setup.CreateSession();
        state = Resume() ?? Begin();
        savedStep = state.Step;
        sinks.Add(new JsonlMetrics(run.MetricsPath, state.Step, state.EvaluationIsDue));
        sinks.Add(new TensorBoardMetrics(new TensorBoardWriter(run.EventsPath, state.Step == 0 ? null : state.Step + 1)));
    }

    /// <summary>Trains to the end of the budget. A run that is finished already is not run again.</summary>
    /// <param name="config">What to train.</param>
    /// <param name="options">What the caller adds.</param>
    /// <exception cref="InvalidInputException">The configuration, the model or the data is wrong, or the directory holds another run.</exception>
    /// <exception cref="WorkFailedException">The disk is full, or a loss is not finite; the last checkpoint is intact and named.</exception>
    /// <exception cref="OperationCanceledException">The wish to stop was fulfilled, after saving.</exception>
    public static TrainingResult Run(TrainingConfig config, TrainerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(config);
        options ??= new();
        var setup = RunSetup.Of(config, options.Reporter);
        using var run = RunDirectory.Open(config, setup.Identity);
        if (Directory.Exists(run.ModelPath))
        {
            options.Reporter.Say($"{run.Path}: is finished already");
            return ResultOf(run, config, setup, TrainerState.Load(run.ModelPath));
        }

        using var trainer = new Trainer(config, options, setup, run);
        return trainer.Train();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var sink in sinks) sink.Dispose();
        session.Dispose();
    }

    private TrainingResult Train()
    {
        var speed = new SpeedMeter(session.Model.Config, settings, setup.Device, options.MeasurePeak);
        while (true)
        {
            if (options.Cancellation.IsCancellationRequested) Stop();
            if (state.EvaluationIsDue && !Evaluate()) continue;
            if (state.Step >= settings.TotalSteps) break;
            if (settings.CheckpointEvery > 0 && state.Step % settings.CheckpointEvery == 0) Save();
            Step(speed);
        }

        Finish();
        return ResultOf(run, config, setup, state);
    }

    private void Step(SpeedMeter speed)
    {
        var done = state.Step + 1;
        var isLogged = done % settings.LogEvery == 0 || done == settings.TotalSteps;
        var statistics = isLogged && session.Model.Config.IsMixture ? new RoutingStatistics(session.Model.Config, config.Data.Count) : null;
        var start = Stopwatch.GetTimestamp();
        StepResult step;
        try
        {
            step = session.Step(state.Step, statistics);
        }
        catch (WorkFailedException e)
        {
            throw new WorkFailedException($"{e.Message}; {LastGood}", e);
        }

        var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        state = state with
        {
            Step = done,
            Tokens = state.Tokens + settings.TokensPerStep,
            StepSeconds = state.StepSeconds + seconds,
            CoreSeconds = state.CoreSeconds + seconds * setup.Threads,
            Window = state.Window.With(step, seconds),
            EvaluationIsDue = options.Evaluate is not null && settings.EvaluateEvery > 0 && (done % settings.EvaluateEvery == 0 || done == settings.TotalSteps),
        };
        options.Reporter.Advance(new(
            options.Activity, state.Tokens, settings.TotalSteps * settings.TokensPerStep, "tokens", FormattableString.Invariant($"loss {step.Loss:0.000}")));
        if (!isLogged) return;
        var metrics = speed.Metrics(state, step) with { Layers = statistics is null ? null : RoutingMetrics.Of(statistics, config) };
        foreach (var sink in sinks) sink.Write(metrics);
        state = state with { Window = new() };
    }

    /// <summary>False when the wish to stop came during the evaluation.</summary>
    private bool Evaluate()
    {
        try
        {
            var metrics = new EvaluationMetrics(state.Step, options.Evaluate!(session.Model, options.Cancellation));
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
        options.Reporter.Say($"{run.Path}: stopped after step {state.Step} of {settings.TotalSteps}; the same command goes on from there");
        throw new OperationCanceledException(options.Cancellation);
    }

    private void Save()
    {
        if (state.Step == savedStep) return;
        try
        {
            run.Checkpoints.Add(state.Step, settings.KeepCheckpoints, directory => TrainingCheckpoint.Save(directory, session, state, setup.Tokenizer));
        }
        catch (WorkFailedException e)
        {
            throw new WorkFailedException($"{e.Message}; {LastGood}", e);
        }

        savedStep = state.Step;
    }

    private void Finish()
    {
        try
        {
            using var final = new Files.AtomicDirectory(run.ModelPath);
            TrainingCheckpoint.SaveModel(final.TemporaryPath, session.Model, state, setup.Tokenizer);
            final.Commit();
        }
        catch (WorkFailedException e)
        {
            throw new WorkFailedException($"{e.Message}; {LastGood}", e);
        }
    }

    private TrainerState Begin()
    {
        setup.FillParameters(session.Model);
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
                setup.UseTokenizerOf(checkpoint);
                options.Reporter.Say($"{run.Path}: goes on after step {found.Step} of {settings.TotalSteps}");
                if (found.Identity?.Compute.DifferenceTo(setup.Identity.Compute) is { } difference)
                    options.Reporter.Warn($"the resumed run will not be bit for bit that of an unbroken one: {difference}");
                return found with { Identity = setup.Identity };
            }
            catch (InvalidInputException e)
            {
                options.Reporter.Warn($"{checkpoint}: cannot be resumed from, trying the one before ({e.Message})");
            }
        }

        return checkpoints.Count == 0
            ? null
            : throw new InvalidInputException($"{run.Checkpoints.Directory}: no checkpoint can be resumed from; remove {run.Path} to begin again");
    }

    private string LastGood => run.Checkpoints.Newest is [var newest, ..] ? $"the last good checkpoint is {newest}" : "there is no checkpoint yet";

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
