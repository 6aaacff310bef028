namespace Bam.Tokenization.Decoders;

/// <summary>The replacement becomes a space; the first token loses it where encoding has put one there.</summary>
/// <param name="replacement">What stands for a space in tokens, mostly ▁.</param>
/// <param name="atStart">The next token is the first one and loses its replacements.</param>
/// <param name="next">Takes the tokens.</param>
internal sealed class MetaspaceStep(string replacement, bool atStart, DecodingStep next) : DecodingStep(next)
{
    private bool isFirst = atStart;

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token)
    {
        var space = isFirst ? "" : " ";
        isFirst = false;
        Pass(token.Contains(replacement, StringComparison.Ordinal)
            ? token.ToString().Replace(replacement, space, StringComparison.Ordinal)
            : token);
    }
}
