using Bam.Data;
using Bam.Models;
using Bam.Torch;

namespace Bam.Evaluation;

/// <summary>Perplexity on held-out text, over non-overlapping windows; every target counts, and the sum is taken in double.</summary>
internal static class Perplexity
{
    /// <summary>Measures a model on one text.</summary>
    /// <param name="model">The model; its parameters stay as they are.</param>
    /// <param name="tokens">The held-out text.</param>
    /// <param name="bytes">Its UTF-8 bytes; null when unknown.</param>
    /// <param name="options">Windows and batches.</param>
    /// <param name="advance">Told the targets done so far, after each batch.</param>
    /// <param name="cancellation">Cancellation token.</param>
    /// <exception cref="InvalidInputException">The text is too short, holds ids outside the model's vocabulary, or windows are longer than the model's positions.</exception>
    public static PerplexityResult Measure(
        LanguageModel model, IndexedDataset tokens, long? bytes, PerplexityOptions options, Action<long>? advance = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(options);
        if (options.WindowLength > model.Config.MaxPositionEmbeddings)
            throw new InvalidInputException(
                "the evaluation window", $"at most {model.Config.MaxPositionEmbeddings} tokens (max_position_embeddings)", $"{options.WindowLength}", "shorten it");
        if (tokens.TokenCount < 2)
            throw new InvalidInputException(tokens.Prefix, "at least 2 held-out tokens", $"{tokens.TokenCount}", "hold out more text");
        return Measure(tokens.TokenCount, bytes, options, batch => Score(model, tokens, batch, options.BeginOfWindow), advance, cancellation);
    }

    /// <summary>Sums what <paramref name="score"/> says of each batch of windows.</summary>
    /// <param name="tokenCount">n, the text's tokens.</param>
    /// <param name="bytes">The text's UTF-8 bytes.</param>
    /// <param name="options">Windows and batches.</param>
    /// <param name="score">The sum of the negative log-likelihoods of a batch's targets, in nats.</param>
    /// <param name="advance">Told the targets done so far.</param>
    /// <param name="cancellation">Cancellation token.</param>
    internal static PerplexityResult Measure(
        long tokenCount, long? bytes, PerplexityOptions options, Func<WindowBatch, double> score, Action<long>? advance, CancellationToken cancellation)
    {
        var all = options.BeginOfWindow is null ? tokenCount - 1 : tokenCount;
        var windows = new EvaluationWindows(Math.Min(all, options.MaxTargets ?? all) + 1, options.WindowLength, options.BatchSize);
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

    private static double Score(LanguageModel model, IndexedDataset tokens, WindowBatch batch, int? begin)
    {
        // A begin token is no part of the text, which is the targets alone then.
        var text = new int[begin is null ? batch.Targets + 1 : batch.Targets];
        tokens.Read(batch.Start, text);
        RequireInVocabulary(text, tokens, batch.Start, model.Config.VocabSize);
        var ids = Array.ConvertAll(begin is { } token ? [token, .. text] : text, id => (long)id);

        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        long[] shape = [batch.Rows, batch.Length];
        var targets = Tensor.From<long>(ids.AsSpan(1, batch.Targets), shape, model.Device);  // [B, T]
        for (var row = 0; begin is not null && row < batch.Rows; row++) ids[row * batch.Length] = begin.Value;
        var inputs = Tensor.From<long>(ids.AsSpan(0, batch.Targets), shape, model.Device);  // [B, T]
        return (double)model.Loss(inputs, targets).Nll.Item<float>() * batch.Targets;
    }

    private static void RequireInVocabulary(int[] ids, IndexedDataset tokens, long start, int vocabulary)
    {
        var place = Array.FindIndex(ids, id => id < 0 || id >= vocabulary);
        if (place >= 0)
            throw new InvalidInputException(
                $"{tokens.Prefix}, token {start + place}", $"an id below the model's vocab_size {vocabulary}", $"{ids[place]}", "build the data with the model's tokenizer");
    }
}

/// <summary>How perplexity is measured.</summary>
internal sealed record PerplexityOptions
{
    /// <summary>T, the inputs of a window. Perplexities of different window lengths do not compare.</summary>
    public required int WindowLength { get; init; }

    /// <summary>The windows of one batch; changes speed and memory, not the result.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>The token that each window begins with, before its text; null for none. With one, the text's first token is predicted, too.</summary>
    public int? BeginOfWindow { get; init; }

    /// <summary>Reads only the first windows of a text, up to this many targets; null for the whole text.</summary>
    public long? MaxTargets { get; init; }
}

/// <summary>How well a model predicts one text.</summary>
/// <param name="TotalNll">The sum of the targets' negative log-likelihoods, in nats.</param>
/// <param name="Tokens">The targets.</param>
/// <param name="Bytes">The text's UTF-8 bytes; null when they are not known, or only a part of the text was read.</param>
internal sealed record PerplexityResult(double TotalNll, long Tokens, long? Bytes)
{
    /// <summary>Nats per token.</summary>
    public double Nll => TotalNll / Tokens;

    /// <summary>exp of the mean negative log-likelihood.</summary>
    public double Perplexity => Math.Exp(Nll);

    /// <summary>Bits per UTF-8 byte, which compares across tokenizers; null when the bytes are not known.</summary>
    public double? BitsPerByte => Bytes is { } bytes ? TotalNll / Math.Log(2) / bytes : null;

    /// <summary>The arithmetic mean of the perplexities of several texts.</summary>
    public static double Mean(IEnumerable<PerplexityResult> results) => results.Average(result => result.Perplexity);
}

/// <summary>
/// The non-overlapping windows of a held-out text of n tokens: window k has inputs [kT, kT+T) and targets one further. All targets
/// count, those of the last partial window too, so that each token but the first is predicted exactly once.
/// </summary>
/// <param name="tokenCount">n.</param>
/// <param name="windowLength">T.</param>
/// <param name="batchSize">The windows of one batch, at most.</param>
internal sealed class EvaluationWindows(long tokenCount, int windowLength, int batchSize)
{
    /// <summary>All targets: n - 1.</summary>
    public long Targets => Math.Max(0, tokenCount - 1);

    /// <summary>The batches in order; the windows of one batch are equally long and lie side by side.</summary>
    public IEnumerable<WindowBatch> Batches()
    {
        var whole = Targets / windowLength;
        for (long first = 0; first < whole; first += batchSize)
            yield return new WindowBatch(first * windowLength, (int)Math.Min(batchSize, whole - first), windowLength);
        if (Targets % windowLength is > 0 and var rest)
            yield return new WindowBatch(whole * windowLength, 1, (int)rest);
    }
}

/// <summary>Windows that lie side by side in a text.</summary>
/// <param name="Start">The first input token's place in the text.</param>
/// <param name="Rows">B, the windows.</param>
/// <param name="Length">T, the inputs of each.</param>
internal readonly record struct WindowBatch(long Start, int Rows, int Length)
{
    /// <summary>B·T, the targets.</summary>
    public int Targets => Rows * Length;
}
