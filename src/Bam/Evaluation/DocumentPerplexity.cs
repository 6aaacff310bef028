using Bam.Data;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Evaluation;

/// <summary>
/// Perplexity of documents, each by itself, as lm-evaluation-harness defines it (<c>loglikelihood_rolling</c>): a token before
/// the document stands in for what precedes it, every token of the document is predicted once, and no end-of-text token is. In a
/// document that is longer than the window, each window begins with the last token of the one before; the last window reaches
/// back, so that it has the full length.
/// </summary>
internal static class DocumentPerplexity
{
    /// <summary>Evaluates a model on the documents of a text.</summary>
    /// <param name="model">The model.</param>
    /// <param name="text">The text; its end-of-text and begin tokens are not part of the documents.</param>
    /// <param name="tokenizer">Decodes the documents to count their words, and names the tokens that it puts before a
    /// text.</param>
    /// <param name="prefix">The token before each document.</param>
    /// <param name="windowLength">T, the inputs of a window.</param>
    /// <param name="advance">Receives the number of finished documents.</param>
    /// <param name="cancellation">Stops between two windows.</param>
    public static DocumentPerplexityResult Measure(
        LanguageModel model, HeldOutText text, Tokenizer tokenizer, int prefix, int windowLength, Action<long>? advance = null,
        CancellationToken cancellation = default)
    {
        var (nll, tokens, words, bytes) = (0.0, 0L, 0L, 0L);
        for (var i = 0L; i < text.Tokens.DocumentCount; i++)
        {
            var document = Document(text, i, tokenizer);
            var content = tokenizer.Decode(document);
            words += CountWords(content);
            bytes += System.Text.Encoding.UTF8.GetByteCount(content);
            int[] ids = [prefix, .. tokenizer.IdsBefore, .. document];
            foreach (var window in Windows(ids.Length - 1, windowLength))
            {
                cancellation.ThrowIfCancellationRequested();
                nll += Score(model, ids, window);
                tokens += window.Targets;
            }

            advance?.Invoke(i + 1);
        }

        return new(nll, text.Tokens.DocumentCount, tokens, words, text.Bytes ?? bytes);
    }

    /// <summary>The windows of a document of <paramref name="count"/> tokens behind its prefix.</summary>
    internal static IEnumerable<DocumentWindow> Windows(int count, int windowLength)
    {
        for (var done = 0; done < count;)
        {
            var targets = Math.Min(windowLength, count - done);
            done += targets;
            yield return new(Math.Max(0, done - windowLength), done, targets);
        }
    }

    /// <summary>
    /// The words of a text as the harness counts them: the pieces between white space, empty ones at the ends too.
    /// </summary>
    internal static long CountWords(string text)
    {
        var (words, isInSpace) = (1L, false);
        foreach (var letter in text)
        {
            var isSpace = char.IsWhiteSpace(letter) || letter is >= '\x1c' and <= '\x1f';
            if (isSpace && !isInSpace) words++;
            isInSpace = isSpace;
        }

        return words;
    }

    private static int[] Document(HeldOutText text, long index, Tokenizer tokenizer)
    {
        var (start, length) = text.Tokens.Document(index);
        var ids = new int[length];
        text.Tokens.Read(start, ids);
        int[] begin = [.. text.Report is { Bos: BeginOfText.Document, BeginOfTextIds: { } added } ? added : tokenizer.IdsBefore];
        var first = ids.AsSpan().StartsWith(begin) ? begin.Length : 0;
        return ids[first..(ids.Length > first && ids[^1] == tokenizer.EndOfTextId ? ^1 : ^0)];
    }

    private static double Score(LanguageModel model, int[] ids, DocumentWindow window)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        var (start, end, count) = window;
        var (inputs, targets) = (new long[end - start], new long[end - start]);
        for (var i = start; i < end; i++)
        {
            inputs[i - start] = ids[i];
            targets[i - start] = i < end - count ? LinearCrossEntropyFunction.IgnoreIndex : ids[i + 1];
        }

        long[] shape = [1, inputs.Length];
        var loss = model.Loss(
            Tensor.From<long>(inputs, shape, model.Device), Tensor.From<long>(targets, shape, model.Device));
        return (double)loss.Nll.Item<float>() * count;
    }
}

/// <summary>A window of a document with a prefix at 0: inputs [Start, End), of which the last ones predict.</summary>
/// <param name="Start">The first input.</param>
/// <param name="End">Behind the last input.</param>
/// <param name="Targets">How many of the last inputs predict their successor.</param>
internal readonly record struct DocumentWindow(int Start, int End, int Targets);

/// <summary>Perplexity of a text by documents.</summary>
/// <param name="TotalNll">Sum of the negative log-likelihoods of all tokens, in nats.</param>
/// <param name="Documents">The documents.</param>
/// <param name="Tokens">Their tokens.</param>
/// <param name="Words">Their words.</param>
/// <param name="Bytes">Their UTF-8 bytes.</param>
internal sealed record DocumentPerplexityResult(double TotalNll, long Documents, long Tokens, long Words, long Bytes)
{
    /// <summary>exp of the nats per word.</summary>
    public double WordPerplexity => Math.Exp(TotalNll / Words);

    /// <summary>exp of the nats per byte.</summary>
    public double BytePerplexity => Math.Exp(TotalNll / Bytes);

    public double BitsPerByte => TotalNll / Bytes / Math.Log(2);
}
