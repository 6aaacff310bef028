using System.Text.Json;
using Bam.Checkpoints;
using Bam.Evaluation.Tasks.Texts;
using Bam.Files;
using Bam.Tokenization;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>Encodes the texts of tasks as lm-evaluation-harness does for a Hugging Face model.</summary>
internal sealed class TaskEncoding
{
    private readonly Tokenizer tokenizer;
    private readonly string? prefixText;

    private TaskEncoding(Tokenizer tokenizer, int? prefix)
    {
        (this.tokenizer, Prefix) = (tokenizer, prefix);
        prefixText = prefix is { } id ? tokenizer.IdToToken(id) : null;
    }

    /// <summary>
    /// The token that stands in for an empty context and before a document: the begin token of <c>tokenizer_config.json</c> or of
    /// the model, else the end of text; null for a tokenizer with neither.
    /// </summary>
    public int? Prefix { get; }

    /// <summary>The encoding of a checkpoint.</summary>
    /// <exception cref="InvalidInputException"><c>tokenizer_config.json</c> is damaged.</exception>
    public static TaskEncoding Of(Tokenizer tokenizer, string checkpointDirectory, ModelConfig config) =>
        Of(tokenizer, checkpointDirectory, config.BosTokenId);

    /// <summary>The encoding of a model that has that begin token, which need not exist yet.</summary>
    /// <exception cref="InvalidInputException"><c>tokenizer_config.json</c> is damaged.</exception>
    public static TaskEncoding Of(Tokenizer tokenizer, string checkpointDirectory, int? beginOfText)
    {
        var settings = Path.Combine(checkpointDirectory, TokenizerFile.SettingsFileName);
        int? named = null;
        if (File.Exists(settings))
        {
            named = JsonInput.ReadObject(
                InputFile.ReadAllBytes(settings, "copy it again"), settings, "copy it again",
                root => Named(root, "bos_token", tokenizer) ?? Named(root, "eos_token", tokenizer));
        }

        var begin = tokenizer.IdsBefore is [var id] ? id : beginOfText;
        return new(tokenizer, named ?? begin ?? tokenizer.EndOfTextId);
    }

    /// <summary>
    /// The ids of a text with the tokens of the tokenizer's template, unless the text begins with <see cref="Prefix"/> already.
    /// </summary>
    public int[] Encode(string text) =>
        tokenizer.Encode(text, prefixText is not { Length: > 0 } || !text.StartsWith(prefixText, StringComparison.Ordinal));

    /// <summary>
    /// The ids of a context and of a continuation: white space at the end of the context belongs to the continuation, and the
    /// continuation's ids are what remains of both texts' after as many as the context has.
    /// </summary>
    /// <exception cref="InvalidInputException">The context is empty and there is no token to stand in for it.</exception>
    public (int[] Context, int[] Continuation) EncodePair(string context, string continuation)
    {
        if (context.Length == 0)
        {
            var ids = tokenizer.Encode(continuation, addSpecialTokens: false);
            var prefix = Prefix ?? throw new InvalidInputException(
                "an empty context", "a tokenizer with a token for the begin or end of a text", "one without", "write a prompt");
            return ids.Length > 1 && ids[0] == prefix ? (ids[..1], ids[1..]) : ([prefix], ids);
        }

        var length = PythonText.LengthWithoutTrailingSpace(context);
        var whole = Encode(context + continuation);
        var before = Encode(context[..length]);
        return (before, whole[Math.Min(before.Length, whole.Length)..]);
    }

    /// <summary>Refuses a continuation that a model cannot score.</summary>
    /// <exception cref="InvalidInputException">It has no token, or more than the model has positions.</exception>
    public static void RequireLength(string continuation, int tokens, int positions)
    {
        if (tokens == 0 || tokens > positions)
            throw new InvalidInputException(
                $"the continuation \"{ShortText.Of(continuation)}\"",
                $"1 to {positions} tokens (max_position_embeddings)", $"{tokens}",
                "change the task, or take a model with more positions");
    }

    private static int? Named(JsonElement settings, string key, Tokenizer tokenizer)
    {
        if (!settings.TryGetProperty(key, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out var content)) value = content;
        return value.ValueKind == JsonValueKind.String ? tokenizer.TokenToId(value.GetString()!) : null;
    }
}
