using Bam.Tokenization;

namespace Bam.Generation;

/// <summary>The stop strings that are special tokens. These have no text in which a string could be found, so that their ids are looked for.</summary>
internal static class StopTokens
{
    /// <summary>The ids of the stop strings that are special tokens.</summary>
    /// <exception cref="InvalidInputException">A stop string holds a special token beside other text, which never comes.</exception>
    public static IReadOnlySet<int> Of(IReadOnlyList<string> stopStrings, Tokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(stopStrings);
        ArgumentNullException.ThrowIfNull(tokenizer);
        var ids = new HashSet<int>();
        var special = tokenizer.AddedTokens.Where(token => token.Special && token.Content.Length > 0).ToList();
        foreach (var stop in stopStrings)
        {
            if (special.Find(token => token.Content == stop) is { } whole)
            {
                ids.Add(whole.Id);
            }
            else if (special.Find(token => stop.Contains(token.Content, StringComparison.Ordinal)) is { } part)
            {
                throw new InvalidInputException(
                    $"--stop \"{stop}\"", "text, or one special token", $"the special token \"{part.Content}\" beside other text", $"give \"{part.Content}\" alone");
            }
        }

        return ids;
    }
}
