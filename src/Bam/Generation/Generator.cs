using System.Collections.Frozen;
using System.Diagnostics;
using System.Text;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Generation;

internal sealed class Generator(LanguageModel model, Tokenizer tokenizer)
{
    private readonly HashSet<int> endOfText =
        [.. model.Config.EosTokenIds, .. tokenizer.EndOfTextId is { } id ? new[] { id } : []];

    /// <summary>
    /// Encodes a prompt as Hugging Face's tokenizers do; special tokens in it are recognized. An empty prompt is the start of a
    /// document.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// It is empty and the tokenizer has no end-of-text token, or the model has no row for a token.
    /// </exception>
    public int[] Encode(string prompt, bool addSpecialTokens = true)
    {
        var ids = tokenizer.Encode(prompt, addSpecialTokens);
        if (ids.Length == 0)
        {
            ids = tokenizer.EndOfTextId is { } id
                ? [id]
                : throw new InvalidInputException(
                    "the prompt", "text", "none, and no end-of-text token to begin a document with", "write some");
        }

        return Accept(ids);
    }

    /// <summary>Checks the ids of a prompt.</summary>
    /// <exception cref="InvalidInputException">The model has no row for a token, or there is none.</exception>
    public int[] Accept(int[] ids)
    {
        if (ids.Length == 0) throw new InvalidInputException("the prompt", "text", "none", "write some");
        tokenizer.RequireRows(ids, model.Config.VocabSize, "the prompt");
        return ids;
    }

    /// <summary>Maximum number of tokens after a prompt.</summary>
    /// <exception cref="InvalidInputException">The prompt exceeds max_position_embeddings.</exception>
    public int RoomAfter(int promptTokens)
    {
        var positions = model.Config.LongestInput;
        return promptTokens < positions
            ? positions - promptTokens
            : throw new InvalidInputException(
                "the prompt", $"fewer than {positions} tokens (max_position_embeddings)", $"{promptTokens}", "shorten it");
    }

    /// <summary>
    /// Generates a continuation of a prompt; see <see cref="Encode"/>. <paramref name="report"/> receives each token.
    /// Cancellation ends the text with the tokens so far.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// Prompt and text exceed max_position_embeddings, or an option is out of range.
    /// </exception>
    public GenerationResult Run(
        IReadOnlyList<int> prompt, GenerationOptions options, Action<GeneratedToken>? report = null,
        CancellationToken cancellation = default)
    {
        options.Validate();
        var room = RoomAfter(prompt.Count);
        var maxNewTokens = options.MaxNewTokens ?? Math.Min(GenerationOptions.DefaultMaxNewTokens, room);
        if (maxNewTokens > room)
        {
            throw new InvalidInputException(
                "--max-tokens",
                $"at most {room} after a prompt of {prompt.Count} tokens "
                    + $"(max_position_embeddings {model.Config.LongestInput})",
                $"{maxNewTokens}", "ask for fewer, or shorten the prompt");
        }

        var stopTokens = StopTokens.Of(options.StopStrings, tokenizer);
        var sampler = new Sampler(options.Sampler);
        var decoder = new StreamingTextDecoder(tokenizer, options.StopStrings, prompt);
        var trace = options.TraceRouting ? new RoutingTrace(model.Config) : null;
        using var cache = model.CreateCache(prompt.Count + maxNewTokens);
        var tokens = new List<GeneratedToken>();
        var text = new StringBuilder();
        StopReason? stopReason = null;

        var begin = Stopwatch.GetTimestamp();
        var logits = Read(prompt);
        var prefill = Stopwatch.GetElapsedTime(begin);
        begin = Stopwatch.GetTimestamp();
        while (stopReason is null)
        {
            var id = sampler.Next(logits);
            var isEnd = endOfText.Contains(id) || options.EndIds.Contains(id);
            var piece = isEnd ? "" : decoder.Append(id);
            stopReason = isEnd ? StopReason.EndOfText
                : decoder.StoppedBy is not null || stopTokens.Contains(id) ? StopReason.StopString
                : tokens.Count + 1 == maxNewTokens ? StopReason.MaxTokens
                : cancellation.IsCancellationRequested ? StopReason.Interrupted
                : null;
            if (stopReason is not null) piece += decoder.Finish();
            var token = new GeneratedToken(id, piece, null);
            if (trace is null) Report(token);
            if (stopReason is null || trace is not null) logits = Read([id]);
            if (trace is not null) Report(token with { Route = trace.LastToken });
        }

        return new(
            text.ToString(), tokens, prompt.Count, stopReason.Value, prefill.TotalSeconds,
            Stopwatch.GetElapsedTime(begin).TotalSeconds, cache.Bytes);

        float[] Read(IReadOnlyList<int> ids)
        {
            using var scope = TensorScope.Open();
            var input = Tensor.From<long>([.. ids.Select(id => (long)id)], [1, ids.Count], model.Device);
            return model.NextLogits(input, cache, trace).ToArray<float>();
        }

        void Report(GeneratedToken token)
        {
            tokens.Add(token);
            text.Append(token.Text);
            report?.Invoke(token);
        }
    }
}

/// <summary>Options of text generation.</summary>
public sealed record GenerationOptions
{
    internal const int DefaultMaxNewTokens = 128;

    /// <summary>
    /// Maximum number of tokens, including an end-of-text token; null for 128, or what the model's context leaves after the
    /// prompt.
    /// </summary>
    public int? MaxNewTokens { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplerOptions Sampler { get; init; } = new();

    /// <summary>The text ends before the first of these. A stop string that is a special token is matched by its id.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Ids that end the text beside the model's own, such as a chat template's end of a turn.</summary>
    internal IReadOnlySet<int> EndIds { get; init; } = FrozenSet<int>.Empty;

    /// <summary>Records the experts of each token. A token is then reported one forward pass later.</summary>
    internal bool TraceRouting { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="InvalidInputException">An option is out of range.</exception>
    internal void Validate()
    {
        if (MaxNewTokens < 1) throw new InvalidInputException("--max-tokens", "a number above 0", $"{MaxNewTokens}", "change it");
        if (StopStrings.Contains("")) throw new InvalidInputException("--stop", "text", "an empty string", "leave it out");
        Sampler.Validate();
    }
}

/// <summary>A generated text and its cost.</summary>
/// <param name="Text">The text after the prompt.</param>
/// <param name="Tokens">Its tokens, including those whose text was cut off by a stop string.</param>
/// <param name="PromptTokens">Number of prompt tokens.</param>
/// <param name="StopReason">Why generation ended.</param>
/// <param name="PrefillSeconds">Time to the first token's logits.</param>
/// <param name="DecodeSeconds">Time of the remaining tokens.</param>
/// <param name="CacheBytes">Size of the key-value cache.</param>
internal sealed record GenerationResult(
    string Text, IReadOnlyList<GeneratedToken> Tokens, int PromptTokens, StopReason StopReason, double PrefillSeconds,
    double DecodeSeconds, long CacheBytes)
{
    /// <summary>Decoded tokens per second, without the first token; 0 if there are none.</summary>
    public double TokensPerSecond => Tokens.Count > 1 ? (Tokens.Count - 1) / DecodeSeconds : 0;
}

/// <summary>One token of a generated text.</summary>
/// <param name="Id">The id.</param>
/// <param name="Text">The text released by this token; may be empty or include text held back before.</param>
/// <param name="Route">Its experts per block; null unless requested.</param>
internal sealed record GeneratedToken(int Id, string Text, IReadOnlyList<TokenRoute>? Route);

/// <summary>Why generation ended.</summary>
internal enum StopReason
{
    MaxTokens,

    /// <summary>The model generated an end-of-text token.</summary>
    EndOfText,

    StopString,

    Interrupted,
}

/// <summary>The ids of stop strings that are special tokens: these have no text and are matched by id.</summary>
internal static class StopTokens
{
    /// <summary>The ids of those stop strings that are special tokens.</summary>
    /// <exception cref="InvalidInputException">
    /// A stop string combines a special token with other text, which can never match.
    /// </exception>
    public static IReadOnlySet<int> Of(IReadOnlyList<string> stopStrings, Tokenizer tokenizer)
    {
        var ids = new HashSet<int>();
        var special = tokenizer.AddedTokens.Where(token => token.Special && token.Content.Length > 0).ToList();
        foreach (var stop in stopStrings)
        {
            if (special.Find(token => token.Content == stop) is { } whole)
            {
                ids.Add(whole.Id);
            }
            else if (special.Find(token => stop.Contains(token.Content, StringComparison.Ordinal)) is { } part)
            {
                throw new InvalidInputException(
                    $"--stop \"{stop}\"", "text, or one special token", $"the special token \"{part.Content}\" beside other text",
                    $"give \"{part.Content}\" alone");
            }
        }

        return ids;
    }
}
