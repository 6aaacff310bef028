using System.Diagnostics;

namespace Bam.Training;

/// <summary>
/// How fast a configuration trains on this machine, measured on a temporary model: a run's own parameters, data order and files
/// are untouched.
/// </summary>
/// <param name="StepSeconds">The median step, in seconds.</param>
/// <param name="TokensPerStep">B·T.</param>
/// <param name="Threads">The threads that core-seconds count.</param>
internal sealed record Calibration(double StepSeconds, long TokensPerStep, int Threads)
{
    /// <summary>Tokens for one second of one core.</summary>
    public double TokensPerCoreSecond => TokensPerStep / (StepSeconds * Threads);

    /// <summary>Trains a copy for a few steps after a warm-up; neither reads nor writes the output directory.</summary>
    /// <exception cref="InvalidInputException">The model is damaged or does not fit into memory.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static Calibration Measure(RunSetup setup, int steps = 7, int warmup = 3, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(steps);
        setup.RequireMemory(SilentReporter.Instance);
        using var session = setup.CreateSession();
        setup.FillParameters(session.Model);
        var seconds = new List<double>();
        for (var step = 0; step < warmup + steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var start = Stopwatch.GetTimestamp();
            session.Step(step);
            if (step >= warmup) seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        seconds.Sort();
        return new(seconds[seconds.Count / 2], setup.TokensPerStep, setup.Threads);
    }

    /// <summary>The steps that a budget of core-seconds pays for, at least one.</summary>
    public long StepsFor(double coreSeconds) => Math.Max(1, (long)(coreSeconds / (StepSeconds * Threads)));
}
