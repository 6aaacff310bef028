namespace Bam.Configuration;

/// <summary>"Did you mean" suggestions for misspelled names.</summary>
internal static class Suggestion
{
    private const int MaxWordLength = 100;

    /// <summary>
    /// ", did you mean 'learning_rate'" if a candidate is similar, else ", known are …" if there are few, else empty.
    /// </summary>
    public static string For(string word, IReadOnlyCollection<string> candidates)
    {
        if (word.Length > MaxWordLength) return "";
        var nearest = candidates.Select(c => (Word: c, Distance: Distance(word, c))).OrderBy(c => c.Distance).FirstOrDefault();
        if (nearest.Word is not null && nearest.Distance <= Math.Max(2, word.Length / 3))
            return $", did you mean '{nearest.Word}'";
        return candidates.Count is > 0 and <= 12 ? $", known are {string.Join(", ", candidates)}" : "";
    }

    /// <summary>Edit distance with transpositions (optimal string alignment).</summary>
    internal static int Distance(string a, string b)
    {
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
