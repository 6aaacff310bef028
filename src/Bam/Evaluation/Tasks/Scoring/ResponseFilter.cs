using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Texts;

namespace Bam.Evaluation.Tasks.Scoring;

/// <summary>Makes what is scored of what a model wrote.</summary>
internal static class ResponseFilter
{
    /// <summary>Applies the steps of a filter in order.</summary>
    /// <param name="generated">What the model wrote.</param>
    /// <param name="filter">The steps.</param>
    /// <param name="row">The item, whose fields a step may put before the text.</param>
    /// <exception cref="WorkFailedException">A pattern takes too long on the text.</exception>
    public static string Apply(string generated, TaskFilter filter, TaskRow row) =>
        filter.Steps.Aggregate(generated, (text, step) => Apply(text, step, row));

    private static string Apply(string text, FilterStep step, TaskRow row)
    {
        if (step.Regex is { } pattern)
        {
            return TaskPattern.Of(pattern).Find(text, step.Match) is { } found ? PythonText.Strip(found) : step.Fallback;
        }

        if (step.Prepend is { } template) return PromptTemplate.Parse(template).Render(row) + text;
        if (step.Lowercase) return text.ToLowerInvariant();
        return PythonText.Strip(text);
    }
}
