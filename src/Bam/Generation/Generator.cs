using System.Diagnostics;
using System.Text;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Generation;

/// <summary>Continues texts.</summary>
/// <param name="model">The model; its parameters stay as they are.</param>
/// <param name="tokenizer">The model's tokenizer.</param>
internal sealed class Generator(LanguageModel model, Tokenizer tokenizer)
{
    private readonly HashSet<int> endOfText = [.. model.Config.EosTokenIds, .. tokenizer.EndOfTextId is { } id ? new[] { id } : []];

    /// <summary>The tokens of a prompt: as Hugging Face's tokenizers give them, special tokens recognised and the template's added. An
    /// empty prompt is the beginning of a document.</summary>
    /// <param name="prompt">The text.</param>
    /// <param name="addSpecialTokens">Whether the template's tokens are put around it.</param>
    /// <exception cref="InvalidInputException">It is empty, and the tokenizer has no token that stands between documents; or the model has no row for a token.</exception>
    public int[] Encode(string prompt, bool addSpecialTokens = true)
    {
        var ids = tokenizer.Encode(prompt, addSpecialTokens);
        if (ids.Length == 0)
        {
            ids = tokenizer.EndOfTextId is { } id
                ? [id]
                : throw new InvalidInputException("the prompt", "text", "none, and no end-of-text token to begin a document with", "write some");
        }

        tokenizer.RequireRows(ids, model.Config.VocabSize, "the prompt");
        return ids;
    }

    /// <summary>The most tokens that can follow a prompt.</summary>
    /// <param name="promptTokens">The tokens of the prompt.</param>
    /// <exception cref="InvalidInputException">The prompt fills the model's positions.</exception>
    public int RoomAfter(int promptTokens)
    {
        var positions = model.Config.MaxPositionEmbeddings;
        return promptTokens < positions
            ? positions - promptTokens
            : throw new InvalidInputException(
                "the prompt", $"fewer than {positions} tokens (max_position_embeddings)", $"{promptTokens}", "shorten it");
    }

    /// <summary>Continues a prompt.</summary>
    /// <param name="prompt">Its tokens; see <see cref="Encode"/>.</param>
    /// <param name="options">What to generate.</param>
    /// <param name="report">Told each token as it comes.</param>
    /// <param name="cancellation">Ends the text, with what there is.</param>
    /// <exception cref="InvalidInputException">The prompt or the text is longer than the model's positions, or an option means nothing.</exception>
    public GenerationResult Run(
        IReadOnlyList<int> prompt, GenerationOptions options, Action<GeneratedToken>? report = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        var room = RoomAfter(prompt.Count);
        if (options.MaxNewTokens > room)
        {
            throw new InvalidInputException(
                "--max-tokens", $"at most {room} after a prompt of {prompt.Count} tokens (max_position_embeddings {model.Config.MaxPositionEmbeddings})",
                $"{options.MaxNewTokens}", "ask for fewer, or shorten the prompt");
        }

        var stopTokens = StopTokens.Of(options.StopStrings, tokenizer);
        var sampler = new Sampler(options.Sampler);
        var decoder = new StreamingTextDecoder(tokenizer, options.StopStrings, prompt);
        var trace = options.TraceRouting ? new RoutingTrace(model.Config) : null;
        using var cache = model.CreateCache(prompt.Count + options.MaxNewTokens);
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
            var piece = endOfText.Contains(id) ? "" : decoder.Append(id);
            stopReason = endOfText.Contains(id) ? StopReason.EndOfText
                : decoder.StoppedBy is not null || stopTokens.Contains(id) ? StopReason.StopString
                : tokens.Count + 1 == options.MaxNewTokens ? StopReason.MaxTokens
                : cancellation.IsCancellationRequested ? StopReason.Interrupted
                : null;
            if (stopReason is not null) piece += decoder.Finish();
            var token = new GeneratedToken(id, piece, null);
            if (trace is null) Report(token);
            if (stopReason is null || trace is not null) logits = Read([id]);
            if (trace is not null) Report(token with { Route = trace.LastToken });
        }

        return new(text.ToString(), tokens, prompt.Count, stopReason.Value, prefill.TotalSeconds, Stopwatch.GetElapsedTime(begin).TotalSeconds, cache.Bytes);

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

/// <summary>What to generate.</summary>
internal sealed record GenerationOptions
{
    /// <summary>The most tokens; an end-of-text token counts.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>How tokens are chosen.</summary>
    public SamplerOptions Sampler { get; init; } = new();

    /// <summary>The text ends before the first of these; one that is a special token, which has no text, ends it as a token.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Whether tokens come with their experts. Each is then reported one pass later, when the model has read it.</summary>
    public bool TraceRouting { get; init; }

    /// <summary>Refuses what means nothing for any model.</summary>
    /// <exception cref="InvalidInputException">An option is out of its range.</exception>
    public void Validate()
    {
        if (MaxNewTokens < 1) throw new InvalidInputException("--max-tokens", "a number above 0", $"{MaxNewTokens}", "change it");
        if (StopStrings.Contains("")) throw new InvalidInputException("--stop", "text", "an empty string", "leave it out");
        Sampler.Validate();
    }
}

/// <summary>A generated text and what it took.</summary>
/// <param name="Text">The text after the prompt.</param>
/// <param name="Tokens">Its tokens; those whose text a stop string cut off are among them.</param>
/// <param name="PromptTokens">The tokens of the prompt.</param>
/// <param name="StopReason">Why it ended.</param>
/// <param name="PrefillSeconds">Reading the prompt, up to the first token's scores.</param>
/// <param name="DecodeSeconds">From there to the end.</param>
/// <param name="CacheBytes">The memory of keys and values.</param>
internal sealed record GenerationResult(
    string Text, IReadOnlyList<GeneratedToken> Tokens, int PromptTokens, StopReason StopReason, double PrefillSeconds, double DecodeSeconds, long CacheBytes)
{
    /// <summary>Tokens after the first, which the prompt's reading gives, by the second of decoding; 0 when there is none.</summary>
    public double TokensPerSecond => Tokens.Count > 1 ? (Tokens.Count - 1) / DecodeSeconds : 0;
}

/// <summary>One token of a generated text.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">The text that became certain with it: often its own, but empty while text is held back, and then more.</param>
/// <param name="Route">Which experts took it, block by block; null unless asked for.</param>
internal sealed record GeneratedToken(int Id, string Text, IReadOnlyList<TokenRoute>? Route);

/// <summary>Why a text ended.</summary>
internal enum StopReason
{
    /// <summary>It has as many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>The model ended it.</summary>
    EndOfText,

    /// <summary>It came to a stop string.</summary>
    StopString,

    /// <summary>It was interrupted.</summary>
    Interrupted,
}

/// <summary>The stop strings that are special tokens. These have no text in which a string could be found, so that their ids are looked for.</summary>
internal static class StopTokens
{
    /// <summary>The ids of the stop strings that are special tokens.</summary>
    /// <exception cref="InvalidInputException">A stop string holds a special token beside other text, which never comes.</exception>
    public static IReadOnlySet<int> Of(IReadOnlyList<string> stopStrings, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(stopStrings);
        ArgumentNullException.ThrowIfNull(tokenizer);
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
                    $"--stop \"{stop}\"", "text, or one special token", $"the special token \"{part.Content}\" beside other text", $"give \"{part.Content}\" alone");
            }
        }

        return ids;
    }
}
