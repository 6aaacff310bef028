using Bam.Generation;
using Bam.Generation.Batching;
using Bam.Models;

namespace Bam.Server.Serving;

/// <summary>One text that a request asks for: a choice of its answer.</summary>
internal sealed record TextRequest
{
    /// <summary>Its place among the choices.</summary>
    public required int Index { get; init; }

    public required int[] Prompt { get; init; }

    /// <summary>The prompt's text, if the answer begins with it; null if not.</summary>
    public string? Echo { get; init; }

    /// <summary>The most new tokens; 0 to answer with the prompt alone.</summary>
    public required int MaxTokens { get; init; }

    public required SamplerOptions Sampler { get; init; }

    /// <summary>The text ends before the first of these.</summary>
    public IReadOnlyList<string> Stops { get; init; } = [];

    /// <summary>The text ends at the first of these.</summary>
    public required IReadOnlySet<int> EndIds { get; init; }

    /// <summary>The number of alternatives that come with each token; null for no probabilities.</summary>
    public int? TopLogProbs { get; init; }

    /// <summary>Also says which experts each token went to.</summary>
    public bool TraceRouting { get; init; }

    /// <summary>The most probabilities that come with the text.</summary>
    public long LogProbs => (MaxTokens + (Echo is null ? 0 : Prompt.Length)) * (TopLogProbs + 1L ?? 0);
}

/// <summary>A part of a text, as soon as it is certain.</summary>
/// <param name="Index">The text's place among the choices.</param>
/// <param name="Text">The text that became certain; may be empty.</param>
/// <param name="Tokens">The tokens that were taken since the last part.</param>
/// <param name="FinishReason">"stop" or "length" in the last part; null in the others.</param>
internal sealed record TextPart(int Index, string Text, IReadOnlyList<TextToken> Tokens, string? FinishReason = null);

/// <summary>A token of a text, with what was asked for.</summary>
/// <param name="Id">The id.</param>
/// <param name="Text">The text that it made certain.</param>
/// <param name="Offset">The length of the text before it.</param>
/// <param name="IsPrompt">True for the prompt's own.</param>
/// <param name="Score">Its probability; null for the first token of all, or if none was asked for.</param>
/// <param name="Route">Its experts by block; null for the last token, which the model does not read, or if not asked for.</param>
internal sealed record TextToken(
    int Id, string Text, int Offset, bool IsPrompt, TokenScore? Score, IReadOnlyList<TokenRoute>? Route);
