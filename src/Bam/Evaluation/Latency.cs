using System.Diagnostics;
using Bam.Models;
using Bam.Torch;

namespace Bam.Evaluation;

/// <summary>
/// How long models take for a text (the paper's: 16 tokens after a prompt of 256, 10 runs), one sequence at a time, always the most
/// probable token. Models take turns, each round beginning with another one, so that a busy machine slows all of them alike.
/// </summary>
internal static class Latency
{
    /// <summary>Measures models against each other.</summary>
    /// <param name="models">All in memory; their parameters stay as they are.</param>
    /// <param name="options">The text and the runs.</param>
    /// <param name="reporter">Told how far it is.</param>
    /// <param name="cancellation">Cancellation token.</param>
    /// <returns>The figures, in the order of the models.</returns>
    /// <exception cref="InvalidInputException">An option means nothing, or the text is longer than a model's positions.</exception>
    public static IReadOnlyList<LatencyResult> Measure(
        IReadOnlyList<LanguageModel> models, LatencyOptions options, IReporter reporter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(reporter);
        RequireFit(models, options);
        var prompt = Prompt(models, options);
        var caches = models.Select(model => model.CreateCache(options.PromptTokens + options.NewTokens)).ToArray();
        try
        {
            var runs = models.Select(_ => new List<(double Prefill, double Decode)>()).ToArray();
            var (done, all) = (0, (options.Runs + 1) * models.Count);
            for (var round = -1; round < options.Runs; round++)
            {
                for (var turn = 0; turn < models.Count; turn++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    var index = (round + 1 + turn) % models.Count;
                    var run = Run(models[index], caches[index], prompt, options.NewTokens);
                    if (round >= 0) runs[index].Add(run);
                    reporter.Advance(new WorkProgress("latency", ++done, all, "runs"));
                }
            }

            return [.. runs.Zip(caches, (times, cache) => new LatencyResult(
                Timing.Of(times.Select(run => run.Prefill)),
                Timing.Of(times.Select(run => run.Decode)),
                Timing.Of(times.Select(run => run.Prefill + run.Decode)),
                options.NewTokens,
                cache.Bytes))];
        }
        finally
        {
            foreach (var cache in caches) cache.Dispose();
        }
    }

    private static (double Prefill, double Decode) Run(LanguageModel model, KeyValueCache cache, long[] prompt, int newTokens)
    {
        cache.Truncate();
        var begin = Stopwatch.GetTimestamp();
        var token = Next(model, cache, prompt);
        var prefill = Stopwatch.GetElapsedTime(begin);
        begin = Stopwatch.GetTimestamp();
        for (var i = 1; i < newTokens; i++) token = Next(model, cache, [token]);
        return (prefill.TotalSeconds, Stopwatch.GetElapsedTime(begin).TotalSeconds);
    }

    private static long Next(LanguageModel model, KeyValueCache cache, long[] ids)
    {
        using var scope = TensorScope.Open();
        return model.NextLogits(Tensor.From<long>(ids, [1, ids.Length], model.Device), cache).ArgMax().Item<long>();
    }

    // The same for all models, of ids that all of them have.
    private static long[] Prompt(IReadOnlyList<LanguageModel> models, LatencyOptions options)
    {
        var random = new RandomStream(options.Seed, "latency");
        var vocabulary = models.Min(model => model.Config.VocabSize);
        var ids = new long[options.PromptTokens];
        for (var i = 0; i < ids.Length; i++) ids[i] = random.NextInt64(vocabulary);
        return ids;
    }

    private static void RequireFit(IReadOnlyList<LanguageModel> models, LatencyOptions options)
    {
        Require("prompt-tokens", options.PromptTokens, 1);
        Require("new-tokens", options.NewTokens, 2);
        Require("runs", options.Runs, 1);
        var positions = models.Min(model => model.Config.MaxPositionEmbeddings);
        if (options.PromptTokens + options.NewTokens <= positions) return;
        throw new InvalidInputException(
            "prompt-tokens and new-tokens", $"at most {positions} together, the models' shortest max_position_embeddings",
            $"{options.PromptTokens + options.NewTokens}", "ask for fewer");
    }

    private static void Require(string option, int value, int least)
    {
        if (value < least) throw new InvalidInputException(option, $"at least {least}", $"{value}", "change it");
    }
}

/// <summary>How latency is measured; the defaults are the paper's.</summary>
internal sealed record LatencyOptions
{
    /// <summary>The tokens of the prompt.</summary>
    public int PromptTokens { get; init; } = 256;

    /// <summary>The tokens that are generated, at least 2.</summary>
    public int NewTokens { get; init; } = 16;

    /// <summary>The runs that count; one more, before them, warms up.</summary>
    public int Runs { get; init; } = 10;

    /// <summary>Names the prompt's random tokens.</summary>
    public long Seed { get; init; }
}

/// <summary>How long one model takes for a text.</summary>
/// <param name="Prefill">Reading the prompt, up to the choice of the first token.</param>
/// <param name="Decode">The other tokens, one by one.</param>
/// <param name="Total">Both.</param>
/// <param name="NewTokens">The tokens that were generated.</param>
/// <param name="CacheBytes">The memory of keys and values.</param>
internal sealed record LatencyResult(Timing Prefill, Timing Decode, Timing Total, int NewTokens, long CacheBytes)
{
    /// <summary>One token of decoding, the median.</summary>
    public double SecondsPerToken => Decode.Median / (NewTokens - 1);
}

/// <summary>Seconds of repeated runs.</summary>
/// <param name="Median">The middle one; of an even number the mean of the two in the middle.</param>
/// <param name="Lowest">The fastest run.</param>
/// <param name="Highest">The slowest run.</param>
internal sealed record Timing(double Median, double Lowest, double Highest)
{
    /// <summary>Of at least one run.</summary>
    public static Timing Of(IEnumerable<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        return new((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }
}
