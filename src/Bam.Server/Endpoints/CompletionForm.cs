using System.Text.Json.Serialization;
using Bam.Server.Serving;
using Bam.Tokenization;

namespace Bam.Server.Endpoints;

/// <summary>Texts as completions.</summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="hasLogProbs">Whether probabilities were asked for.</param>
/// <param name="hasTrace">Whether experts were asked for.</param>
internal sealed class CompletionForm(Tokenizer tokenizer, bool hasLogProbs, bool hasTrace) : IAnswerForm
{
    public string IdPrefix => "cmpl-";

    public string Kind => "text_completion";

    public string ChunkKind => Kind;

    public bool WritesTokens => hasLogProbs || hasTrace;

    public object Choice(TextPart whole) => new CompletionChoice(
        whole.Index, whole.Text, hasLogProbs ? LogProbsOf(whole) : null, whole.FinishReason,
        AnswerParts.TraceOf(whole, hasTrace));

    public object ChunkChoice(TextPart part, bool isFirst) => Choice(part);

    private CompletionLogProbs LogProbsOf(TextPart part) => new(
        [.. part.Tokens.Select(token => AnswerParts.TextOf(tokenizer, token.Id))],
        [.. part.Tokens.Select(token => token.Score?.LogProb)],
        [.. part.Tokens.Select(TopOf)],
        [.. part.Tokens.Select(token => token.Offset)]);

    // The token itself is among them, with the same number. Of tokens with one text the most probable stands for all.
    private Dictionary<string, double>? TopOf(TextToken token)
    {
        if (token.Score is not { } score) return null;
        var top = new Dictionary<string, double>();
        foreach (var (id, logProb) in score.Top) top.TryAdd(AnswerParts.TextOf(tokenizer, id), logProb);
        top.TryAdd(AnswerParts.TextOf(tokenizer, token.Id), score.LogProb);
        return top;
    }
}

/// <summary>A completion, or a part of one.</summary>
internal sealed record CompletionChoice(
    int Index, string Text, CompletionLogProbs? Logprobs, string? FinishReason,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] ChoiceTrace? Bam);

/// <summary>Probabilities of a text's tokens, four lists of one length; null for a prompt's first token.</summary>
/// <param name="Tokens">The tokens' texts.</param>
/// <param name="TokenLogprobs">ln p of each token.</param>
/// <param name="TopLogprobs">The most probable tokens in its place, and itself.</param>
/// <param name="TextOffset">The length of the text before it.</param>
internal sealed record CompletionLogProbs(
    IReadOnlyList<string> Tokens, IReadOnlyList<double?> TokenLogprobs, IReadOnlyList<Dictionary<string, double>?> TopLogprobs,
    IReadOnlyList<int> TextOffset);
