namespace Bam.Tokenization.Decoders;

/// <summary>Takes letters of one kind off the two ends of the text.</summary>
/// <param name="content">The letter.</param>
/// <param name="start">How many go at most at the beginning.</param>
/// <param name="stop">How many go at most at the end.</param>
/// <param name="next">Takes the text.</param>
internal sealed class StripStep(string content, int start, int stop, DecodingStep next) : DecodingStep(next)
{
    private int startLeft = start;
    private int waiting; // letters that go if the text ends here

    /// <inheritdoc/>
    public override void Append(ReadOnlySpan<char> token)
    {
        while (startLeft > 0 && token.StartsWith(content, StringComparison.Ordinal))
        {
            token = token[content.Length..];
            startLeft--;
        }

        if (token.IsEmpty) return;
        startLeft = 0;
        var inner = token;
        while (inner.EndsWith(content, StringComparison.Ordinal)) inner = inner[..^content.Length];
        if (!inner.IsEmpty)
        {
            Release(waiting);
            Pass(inner);
        }

        waiting += (token.Length - inner.Length) / content.Length;
        Release(waiting - stop);
    }

    private void Release(int count)
    {
        for (var i = 0; i < count; i++) Pass(content);
        waiting -= Math.Max(0, count);
    }
}
