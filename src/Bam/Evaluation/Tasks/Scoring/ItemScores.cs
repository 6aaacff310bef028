using Bam.Configuration;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Texts;

namespace Bam.Evaluation.Tasks.Scoring;

/// <summary>An item's part in each figure of its task, by metric and filter.</summary>
internal static class ItemScores
{
    /// <summary>The name of a metric in results: "acc_norm", "pass@1".</summary>
    public static string NameOf(MetricName metric) => metric == MetricName.PassAt1 ? "pass@1" : SnakeCase.Of(metric);

    /// <summary>The name of a metric with the filter whose text it scores.</summary>
    public static string NameOf(MetricName metric, TaskFilter? filter) =>
        filter is null ? NameOf(metric) : $"{NameOf(metric)},{filter.Name}";

    /// <summary>The scores of choices. Of equally likely ones the first is taken.</summary>
    /// <param name="task">Names the metrics.</param>
    /// <param name="item">The choices and which is right.</param>
    /// <param name="logLikelihoods">Of each choice.</param>
    public static Dictionary<string, double> OfChoices(
        TaskDefinition task, TaskItem item, IReadOnlyList<double> logLikelihoods)
    {
        return task.Metrics.ToDictionary(metric => NameOf(metric.Name), metric => Best(metric.Name) == item.Gold ? 1.0 : 0.0);

        // acc_norm divides by the characters of the choice, without the delimiter before it.
        int Best(MetricName metric)
        {
            var scores = logLikelihoods
                .Select((value, i) => metric == MetricName.AccNorm ? value / PythonText.Length(item.Choices[i]) : value).ToList();
            return scores.IndexOf(scores.Max());
        }
    }

    /// <summary>The scores of one text by one metric.</summary>
    public static double OfText(string text, TaskMetric metric, IReadOnlyList<string> answers) => metric switch
    {
        { Name: MetricName.F1 } => TokenF1.Of(text, answers),
        { Equality: AnswerEquality.HendrycksMath } => answers.Any(answer => MathAnswer.IsCorrect(text, answer)) ? 1 : 0,
        { Equality: AnswerEquality.MinervaMath } => answers.Any(answer => MinervaAnswer.IsCorrect(text, answer)) ? 1 : 0,
        _ => AnswerMatch.Of(text, answers, metric) ? 1 : 0,
    };
}
