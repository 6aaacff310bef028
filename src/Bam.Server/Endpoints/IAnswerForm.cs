using System.Text;
using System.Text.Unicode;
using Bam.Server.Serving;
using Bam.Tokenization;

namespace Bam.Server.Endpoints;

/// <summary>How the texts of a kind of request are written: as completions, or as messages.</summary>
internal interface IAnswerForm
{
    /// <summary>What ids begin with.</summary>
    string IdPrefix { get; }

    /// <summary>What an answer is.</summary>
    string Kind { get; }

    /// <summary>What a chunk of an answer is.</summary>
    string ChunkKind { get; }

    /// <summary>Whether each token is written, also one that gives no text yet.</summary>
    bool WritesTokens { get; }

    /// <summary>A choice of an answer.</summary>
    object Choice(TextPart whole);

    /// <summary>A choice of a chunk.</summary>
    /// <param name="part">The part of the text.</param>
    /// <param name="isFirst">True for the first part of this text.</param>
    object ChunkChoice(TextPart part, bool isFirst);
}

/// <summary>What both forms write in the same way.</summary>
internal static class AnswerParts
{
    /// <summary>
    /// A token's text by itself, or the id if it has none; bytes that are not a whole character as OpenAI writes them.
    /// </summary>
    public static string TextOf(Tokenizer tokenizer, int id)
    {
        if (tokenizer.IdToToken(id) is null) return $"token_id:{id}";
        var bytes = tokenizer.BytesOf(id);
        return Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : $"bytes:{string.Concat(bytes.ToArray().Select(value => $"\\x{value:x2}"))}";
    }

    /// <summary>The experts of a part's tokens; null if they were not asked for.</summary>
    public static ChoiceTrace? TraceOf(TextPart part, bool isAsked) => !isAsked ? null : new(
        [.. part.Tokens.Where(token => !token.IsPrompt).Select(token => new TracedToken(
            token.Id, token.Text,
            token.Route?.Select(route => route.FeedForwardExperts).ToList(),
            token.Route?.Select(route => route.AttentionGates).ToList()))]);
}
