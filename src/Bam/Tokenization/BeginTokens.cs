namespace Bam.Tokenization;

/// <summary>The tokens that a tokenizer's template puts before every text.</summary>
internal static class BeginTokens
{
    /// <summary>Their ids; often one, or none.</summary>
    public static IReadOnlyList<int> Of(Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return tokenizer.IdsBefore;
    }

    /// <summary>Ids as a person knows them: "&lt;s&gt;" (id 1).</summary>
    public static string Describe(Tokenizer tokenizer, IEnumerable<int> ids)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return string.Join(" ", ids.Select(id => tokenizer.IdToToken(id) is { } token ? $"\"{token}\" (id {id})" : $"id {id}"));
    }

    /// <summary>Warns of a text that begins with the tokens that the template added as well.</summary>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="ids">The text's ids, with those of the template.</param>
    /// <param name="what">What messages call the text.</param>
    /// <param name="reporter">Is told.</param>
    public static void WarnIfTwice(Tokenizer tokenizer, ReadOnlySpan<int> ids, string what, IReporter reporter)
    {
        ArgumentNullException.ThrowIfNull(reporter);
        int[] begin = [.. Of(tokenizer)];
        if (begin.Length == 0 || !ids.StartsWith(begin) || !ids[begin.Length..].StartsWith(begin)) return;
        reporter.Warn(
            $"{what} begins with {Describe(tokenizer, begin)}, which the tokenizer puts before every text, so that it is there twice; take it out of the text, or give --no-special-tokens");
    }
}
