using System.Text.Json.Serialization;
using Bam.Server.Serving;
using Bam.Tokenization;

namespace Bam.Server.Endpoints;

/// <summary>Texts as messages of the assistant.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="hasLogProbs">Whether probabilities were asked for.</param>
/// <param name="hasTrace">Whether experts were asked for.</param>
internal sealed class ChatForm(Tokenizer tokenizer, bool hasLogProbs, bool hasTrace) : IAnswerForm
{
    private const string Role = "assistant";

    public string IdPrefix => "chatcmpl-";

    public string Kind => "chat.completion";

    public string ChunkKind => "chat.completion.chunk";

    public bool WritesTokens => hasLogProbs || hasTrace;

    public object Choice(TextPart whole) => new ChatChoice(
        whole.Index, new(Role, whole.Text), LogProbsOf(whole), whole.FinishReason, AnswerParts.TraceOf(whole, hasTrace));

    public object ChunkChoice(TextPart part, bool isFirst) => new ChatChunkChoice(
        part.Index, new(isFirst ? Role : null, part.Text.Length > 0 || isFirst ? part.Text : null), LogProbsOf(part),
        part.FinishReason, AnswerParts.TraceOf(part, hasTrace));

    private ChatLogProbs? LogProbsOf(TextPart part) => !hasLogProbs ? null : new(
        [.. part.Tokens.Where(token => token.Score is not null).Select(token => new ChatTokenLogProb(
            AnswerParts.TextOf(tokenizer, token.Id), token.Score!.LogProb, BytesOf(token.Id),
            [.. token.Score.Top.Select(top => new ChatTopLogProb(
                AnswerParts.TextOf(tokenizer, top.Id), top.LogProb, BytesOf(top.Id)))]))]);

    private int[] BytesOf(int id) => Array.ConvertAll(tokenizer.BytesOf(id).ToArray(), value => (int)value);
}

/// <summary>An answer of the assistant.</summary>
internal sealed record ChatChoice(
    int Index, ChatMessage Message, ChatLogProbs? Logprobs, string? FinishReason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ChoiceTrace? Bam);

/// <summary>A message.</summary>
internal sealed record ChatMessage(string Role, string Content, string? Refusal = null);

/// <summary>A part of an answer.</summary>
internal sealed record ChatChunkChoice(
    int Index, ChatDelta Delta, ChatLogProbs? Logprobs, string? FinishReason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ChoiceTrace? Bam);

/// <summary>What a part adds to a message.</summary>
internal sealed record ChatDelta(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Role,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Content);

/// <summary>Probabilities of a message's tokens.</summary>
internal sealed record ChatLogProbs(IReadOnlyList<ChatTokenLogProb> Content);

/// <summary>A token's ln p, its UTF-8 bytes, and the most probable tokens in its place.</summary>
internal sealed record ChatTokenLogProb(
    string Token, double Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<ChatTopLogProb> TopLogprobs);

/// <summary>A token's ln p and its UTF-8 bytes.</summary>
internal sealed record ChatTopLogProb(string Token, double Logprob, IReadOnlyList<int> Bytes);
