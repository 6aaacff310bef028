using System.Collections.Concurrent;
using System.Text.RegularExpressions;

namespace Bam.Evaluation.Tasks.Texts;

/// <summary>A regular expression of a task.</summary>
internal sealed class TaskPattern
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);
    private static readonly ConcurrentDictionary<string, TaskPattern> Known = new();

    private readonly Regex regex;

    private TaskPattern(string pattern) => regex = new Regex(pattern, RegexOptions.CultureInvariant, Timeout);

    /// <summary>The compiled pattern.</summary>
    /// <exception cref="ArgumentException">It is no regular expression.</exception>
    public static TaskPattern Of(string pattern) => Known.GetOrAdd(pattern, text => new TaskPattern(text));

    /// <summary>The text without the matches.</summary>
    /// <exception cref="WorkFailedException">Matching takes too long.</exception>
    public string Remove(string text) => Limited(() => regex.Replace(text, ""));

    /// <summary>
    /// One match: its text, or with groups the first group that is not empty; null if there is no such match or no such group.
    /// </summary>
    /// <param name="text">The text.</param>
    /// <param name="index">Which match, from 0; counted from the end if negative.</param>
    /// <exception cref="WorkFailedException">Matching takes too long.</exception>
    public string? Find(string text, int index) => Limited(() =>
    {
        var matches = regex.Matches(text);
        if (index < 0) index += matches.Count;
        if (index < 0 || index >= matches.Count) return null;
        var groups = matches[index].Groups;
        if (groups.Count <= 2) return groups[^1].Value;
        return groups.Values.Skip(1).Select(group => group.Value).FirstOrDefault(value => value.Length > 0);
    });

    private T Limited<T>(Func<T> match)
    {
        try
        {
            return match();
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new WorkFailedException(
                $"the pattern {regex} took more than {Timeout.TotalSeconds} s on one text; simplify it", e);
        }
    }
}
