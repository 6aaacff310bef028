using System.Text.RegularExpressions;

namespace Bam.Evaluation.Tasks.Texts;

/// <summary>
/// The F1 score of words that SQuAD and QuAC use (Rajpurkar et al. 2016, Choi et al. 2018): the harmonic mean of precision and
/// recall of the words, each counted as often as it occurs, without case, punctuation and articles.
/// </summary>
internal static partial class TokenF1
{
    /// <summary>The highest score over the references, 0 … 1.</summary>
    public static double Of(string generated, IReadOnlyList<string> references) =>
        references.Max(reference => Of(generated, reference));

    private static double Of(string generated, string reference)
    {
        var (found, wanted) = (Words(generated), Words(reference));
        if (found.Length == 0 || wanted.Length == 0) return found.Length == wanted.Length ? 1 : 0;
        var left = wanted.GroupBy(word => word).ToDictionary(group => group.Key, group => group.Count());
        var common = found.Count(word => left.TryGetValue(word, out var count) && (left[word] = count - 1) >= 0);
        return common == 0 ? 0 : 2.0 * common / (found.Length + wanted.Length);
    }

    private static string[] Words(string text) =>
        Article().Replace(PythonText.WithoutPunctuation(text.ToLowerInvariant()), " ")
            .Split(default(char[]), StringSplitOptions.RemoveEmptyEntries);

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Article();
}
