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
