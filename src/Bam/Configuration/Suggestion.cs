namespace Bam.Configuration;

/// <summary>"Did you mean": the nearest of the words that would have been right.</summary>
internal static class Suggestion
{
    private const int LongestWord = 100;

    /// <summary>", did you mean 'learning_rate'" when a candidate is near, else ", known are …" when there are few, else nothing.</summary>
    public static string For(string word, IReadOnlyCollection<string> candidates)
    {
        if (word.Length > LongestWord) return "";
        var nearest = candidates.Select(c => (Word: c, Distance: Distance(word, c))).OrderBy(c => c.Distance).FirstOrDefault();
        if (nearest.Word is not null && nearest.Distance <= Math.Max(2, word.Length / 3)) return $", did you mean '{nearest.Word}'";
        return candidates.Count is > 0 and <= 12 ? $", known are {string.Join(", ", candidates)}" : "";
    }

    /// <summary>The fewest insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).</summary>
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
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }

        return d[a.Length, b.Length];
    }
}
