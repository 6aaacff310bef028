using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Texts;

namespace Bam.Evaluation.Tasks.Scoring;

/// <summary>Whether a generated text is the answer, after both are normalized as the task's metric says.</summary>
internal static class AnswerMatch
{
    /// <summary>True if one of the answers is met.</summary>
    /// <exception cref="WorkFailedException">A pattern takes too long on a text.</exception>
    public static bool Of(string generated, IReadOnlyList<string> answers, TaskMetric metric)
    {
        var found = Normalize(generated, metric);
        return answers.Any(answer => Normalize(answer, metric) == found);
    }

    private static string Normalize(string text, TaskMetric metric)
    {
        foreach (var pattern in metric.Ignore) text = TaskPattern.Of(pattern).Remove(text);
        if (metric.IgnoreCase) text = text.ToLowerInvariant();
        return metric.IgnorePunctuation ? PythonText.WithoutPunctuation(text) : text;
    }
}
