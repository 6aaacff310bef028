using Bam.Data;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Evaluation;

/// <summary>Perplexity over non-overlapping windows; every target counts, and sums are in double precision.</summary>
internal static class Perplexity
{
    /// <summary>
    /// Evaluates a model on one text; <paramref name="bytes"/> is its UTF-8 size, null if unknown. <paramref name="advance"/>
    /// receives the number of finished targets after each batch. With <paramref name="divided"/>, only this process's batches are
    /// scored; <see cref="DividedBatches.Complete"/> has the total of all.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// The text is too short or has ids outside the model's vocabulary, or windows are empty or exceed max_position_embeddings.
    /// </exception>
    public static PerplexityResult Measure(
        LanguageModel model, IndexedDataset tokens, long? bytes, PerplexityOptions options, Action<long>? advance = null,
        DividedBatches? divided = null, CancellationToken cancellation = default)
    {
        RequireWindow(model, options);
        if (tokens.TokenCount < 2)
            throw new InvalidInputException(
                tokens.Prefix, "at least 2 held-out tokens", $"{tokens.TokenCount}", "hold out more text");
        var counted = 0L;
        var result = Measure(tokens.TokenCount, bytes, options, ScoreBatch, advance, cancellation);
        if (tokens.Mask is null) return result;
        return counted > 0
            ? result with { Tokens = counted }
            : throw new InvalidInputException(
                tokens.Prefix, "answers to measure on", "none: no token of it counts", "hold out more conversations");

        double ScoreBatch(WindowBatch batch)
        {
            var counts = Counts(tokens, batch, options);
            if (counts is not null && !counts.AsSpan().Contains(true)) return 0;
            counted += counts?.AsSpan().Count(true) ?? 0;
            return divided is null ? ScoreOwn() : divided.Score(ScoreOwn);

            double ScoreOwn() => Score(model, Read(tokens, batch, model, options), batch, options.BeginOfWindow, counts);
        }
    }

    /// <summary>Evaluates a model on the ids of a text; <paramref name="bytes"/> is its UTF-8 size.</summary>
    /// <exception cref="InvalidInputException">
    /// The text has fewer than 2 tokens or ids without a row in the model, or windows are empty or exceed
    /// max_position_embeddings.
    /// </exception>
    public static PerplexityResult Measure(
        LanguageModel model, int[] ids, long bytes, PerplexityOptions options, CancellationToken cancellation)
    {
        RequireWindow(model, options);
        if (ids.Length < 2)
            throw new InvalidInputException("the text", "at least 2 tokens", $"{ids.Length}", "score a longer one");
        if (Array.FindIndex(ids, id => id >= model.Config.VocabSize) is var place and >= 0)
            throw new InvalidInputException(
                $"the text, token {place}", $"an id below the model's vocab_size {model.Config.VocabSize}", $"{ids[place]}",
                "use the tokenizer that the model was trained with");
        return Measure(ids.Length, bytes, options, ScoreBatch, advance: null, cancellation);

        double ScoreBatch(WindowBatch batch) =>
            Score(model, ids[(int)batch.Start..((int)batch.Start + batch.Targets + 1)], batch, begin: null);
    }

    /// <summary>
    /// Sums the results of <paramref name="score"/>: the total negative log-likelihood of a batch's targets, in nats.
    /// </summary>
    internal static PerplexityResult Measure(
        long tokenCount, long? bytes, PerplexityOptions options, Func<WindowBatch, double> score, Action<long>? advance,
        CancellationToken cancellation)
    {
        var all = options.BeginOfWindow is null ? tokenCount - 1 : tokenCount;
        var windows = new EvaluationWindows(
            Math.Min(all, options.MaxTargets ?? all) + 1, options.WindowLength, options.BatchSize);
        var (nll, done) = (0.0, 0L);
        foreach (var batch in windows.Batches())
        {
            cancellation.ThrowIfCancellationRequested();
            nll += score(batch);
            done += batch.Targets;
            advance?.Invoke(done);
        }

        return new PerplexityResult(nll, windows.Targets, windows.Targets == all ? bytes : null);
    }

    private static void RequireWindow(LanguageModel model, PerplexityOptions options)
    {
        if (options.WindowLength < 1)
            throw new InvalidInputException(
                "the evaluation window", "a number above 0", $"{options.WindowLength}", "lengthen it");
        if (options.WindowLength > model.Config.LongestInput)
            throw new InvalidInputException(
                "the evaluation window", $"at most {model.Config.LongestInput} tokens (max_position_embeddings)",
                $"{options.WindowLength}", "shorten it");
    }

    // A begin token is not part of the text: all its tokens are targets.
    private static int[] Read(IndexedDataset tokens, WindowBatch batch, LanguageModel model, PerplexityOptions options)
    {
        var text = new int[options.BeginOfWindow is null ? batch.Targets + 1 : batch.Targets];
        tokens.Read(batch.Start, text);
        RequireInVocabulary(text, tokens, batch.Start, model.Config.VocabSize);
        return text;
    }

    // Which targets count; null if all do. Without a begin token, the first token of the batch is no target.
    private static bool[]? Counts(IndexedDataset tokens, WindowBatch batch, PerplexityOptions options)
    {
        if (tokens.Mask is not { } mask) return null;
        var counts = new bool[batch.Targets];
        mask.Read(options.BeginOfWindow is null ? batch.Start + 1 : batch.Start, counts);
        return counts;
    }

    private static double Score(LanguageModel model, int[] text, WindowBatch batch, int? begin, bool[]? counts = null)
    {
        var ids = Array.ConvertAll(begin is { } token ? [token, .. text] : text, id => (long)id);

        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        long[] shape = [batch.Rows, batch.Length];
        var next = ids.AsSpan(1, batch.Targets).ToArray();
        for (var i = 0; counts is not null && i < next.Length; i++)
            if (!counts[i]) next[i] = LinearCrossEntropyFunction.IgnoreIndex;
        var targets = Tensor.From<long>(next, shape, model.Device);  // [B, T]
        for (var row = 0; begin is not null && row < batch.Rows; row++) ids[row * batch.Length] = begin.Value;
        var inputs = Tensor.From<long>(ids.AsSpan(0, batch.Targets), shape, model.Device);  // [B, T]
        var counted = counts?.AsSpan().Count(true) ?? batch.Targets;
        return (double)model.Loss(inputs, targets).Nll.Item<float>() * counted;
    }

    private static void RequireInVocabulary(int[] ids, IndexedDataset tokens, long start, int vocabulary)
    {
        var place = Array.FindIndex(ids, id => id < 0 || id >= vocabulary);
        if (place >= 0)
            throw new InvalidInputException(
                $"{tokens.Prefix}, token {start + place}", $"an id below the model's vocab_size {vocabulary}", $"{ids[place]}",
                "build the data with the model's tokenizer");
    }
}

internal sealed record PerplexityOptions
{
    /// <summary>T, the inputs of a window. Perplexities of different window lengths are not comparable.</summary>
    public required int WindowLength { get; init; }

    /// <summary>Windows per batch; does not change the result.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>
    /// The begin token of each window; null for none. With a begin token, the text's first token is a target, too.
    /// </summary>
    public int? BeginOfWindow { get; init; }

    /// <summary>Limits the evaluation to the first windows with this many targets; null for the whole text.</summary>
    public long? MaxTargets { get; init; }
}

/// <summary>Result of a perplexity evaluation.</summary>
/// <param name="TotalNll">Sum of the targets' negative log-likelihoods, in nats.</param>
/// <param name="Tokens">The targets; of masked data those that count.</param>
/// <param name="Bytes">UTF-8 bytes of the text; null if unknown or only a part of the text was read.</param>
public sealed record PerplexityResult(double TotalNll, long Tokens, long? Bytes)
{
    /// <summary>Nats per token.</summary>
    public double Nll => TotalNll / Tokens;

    /// <summary>exp of <see cref="Nll"/>; lower is better.</summary>
    public double Perplexity => Math.Exp(Nll);

    /// <summary>Bits per UTF-8 byte, which is comparable across tokenizers; null if the bytes are unknown.</summary>
    public double? BitsPerByte => Bytes is { } bytes ? TotalNll / Math.Log(2) / bytes : null;

    /// <summary>The arithmetic mean of the perplexities of several texts.</summary>
    internal static double Mean(IEnumerable<PerplexityResult> results) => results.Average(result => result.Perplexity);
}

/// <summary>
/// The non-overlapping windows of a text of n tokens: window k has inputs [kT, kT+T) and targets shifted by one. The last window
/// may be shorter, so that each token except the first is predicted exactly once.
/// </summary>
/// <param name="tokenCount">n.</param>
/// <param name="windowLength">T.</param>
/// <param name="batchSize">Maximum number of windows per batch.</param>
internal sealed class EvaluationWindows(long tokenCount, int windowLength, int batchSize)
{
    /// <summary>Number of targets: n - 1.</summary>
    public long Targets => Math.Max(0, tokenCount - 1);

    /// <summary>The batches in order; the windows of one batch are contiguous and of equal length.</summary>
    public IEnumerable<WindowBatch> Batches()
    {
        var whole = Targets / windowLength;
        for (long first = 0; first < whole; first += batchSize)
            yield return new WindowBatch(first * windowLength, (int)Math.Min(batchSize, whole - first), windowLength);
        if (Targets % windowLength is > 0 and var rest)
            yield return new WindowBatch(whole * windowLength, 1, (int)rest);
    }
}

/// <summary>Contiguous windows of a text.</summary>
/// <param name="Start">Position of the first input token.</param>
/// <param name="Rows">B, the number of windows.</param>
/// <param name="Length">T, the inputs per window.</param>
internal readonly record struct WindowBatch(long Start, int Rows, int Length)
{
    /// <summary>B·T, the number of targets.</summary>
    public int Targets => Rows * Length;
}
