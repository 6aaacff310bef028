using System.Text.Json.Serialization;

namespace Bam.Server.Endpoints;

/// <summary>An answer with texts, or a chunk of one.</summary>
/// <param name="Id">The same in all chunks.</param>
/// <param name="Object">What it is.</param>
/// <param name="Created">When the request came, in seconds since 1970.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Choices">The texts, or parts of them.</param>
/// <param name="Usage">Numbers of tokens; not in chunks with parts of texts.</param>
internal sealed record Answer(
    string Id, string Object, long Created, string Model, IReadOnlyList<object> Choices,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] AnswerUsage? Usage = null);

/// <summary>Numbers of tokens; a prompt counts once, however many texts follow it.</summary>
internal sealed record AnswerUsage(int PromptTokens, int CompletionTokens)
{
    public int TotalTokens => PromptTokens + CompletionTokens;
}

/// <summary>Bam's own field of a choice: the tokens with the experts that took them.</summary>
internal sealed record ChoiceTrace(IReadOnlyList<TracedToken> Tokens);

/// <summary>A token and its experts.</summary>
/// <param name="Id">The id.</param>
/// <param name="Text">The text that it made certain; may be empty.</param>
/// <param name="Experts">By block the feed-forward experts; null for the last token, which the model does not read.</param>
/// <param name="Gates">By block the gate of each attention expert; null likewise.</param>
internal sealed record TracedToken(
    int Id, string Text, IReadOnlyList<IReadOnlyList<int>>? Experts, IReadOnlyList<IReadOnlyList<float>>? Gates);
