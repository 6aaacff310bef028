using System.Diagnostics;
using Bam.Models;
using Bam.Torch;

namespace Bam.Evaluation;

/// <summary>
/// Measures the latency of greedy generation with batch size 1 (the paper's: 16 tokens after a prompt of 256, 10 runs). Models
/// are interleaved, each round starting with another one, so that background load affects all of them equally.
/// </summary>
internal static class Latency
{
    /// <summary>Measures all models on the same prompt.</summary>
    /// <returns>The results, in the order of the models.</returns>
    /// <exception cref="InvalidInputException">
    /// An option is out of range, or the text exceeds a model's max_position_embeddings.
    /// </exception>
    public static IReadOnlyList<LatencyResult> Measure(
        IReadOnlyList<LanguageModel> models, LatencyOptions options, IReporter reporter, CancellationToken cancellation = default)
    {
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

    // The same for all models, of ids that are in all vocabularies.
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
        var positions = models.Min(model => model.Config.LongestInput);
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

/// <summary>Options of the latency measurement; the defaults are the paper's.</summary>
internal sealed record LatencyOptions
{
    public int PromptTokens { get; init; } = 256;

    /// <summary>Number of generated tokens, at least 2.</summary>
    public int NewTokens { get; init; } = 16;

    /// <summary>Number of measured runs, after one warm-up run.</summary>
    public int Runs { get; init; } = 10;

    /// <summary>Seed of the prompt's random tokens.</summary>
    public long Seed { get; init; }
}

/// <summary>Latency of one model.</summary>
/// <param name="Prefill">Time to the first token.</param>
/// <param name="Decode">Time of the remaining tokens.</param>
/// <param name="Total">Prefill and decode.</param>
/// <param name="NewTokens">Number of generated tokens.</param>
/// <param name="CacheBytes">Size of the key-value cache.</param>
internal sealed record LatencyResult(Timing Prefill, Timing Decode, Timing Total, int NewTokens, long CacheBytes)
{
    /// <summary>Median time per decoded token.</summary>
    public double SecondsPerToken => Decode.Median / (NewTokens - 1);
}

/// <summary>Statistics of repeated runs, in seconds.</summary>
internal sealed record Timing(double Median, double Lowest, double Highest)
{
    /// <summary>The statistics of at least one run.</summary>
    public static Timing Of(IEnumerable<double> seconds)
    {
        var sorted = seconds.Order().ToArray();
        return new((sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2, sorted[0], sorted[^1]);
    }
}
