using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Prompting;

namespace Bam.Evaluation.Tasks.Scoring;

/// <summary>What random answers would score.</summary>
internal static class ChanceLevel
{
    /// <summary>
    /// The expected accuracy of choices drawn at random, 0 … 1, with subsets weighted as in the figures; null for generated
    /// answers.
    /// </summary>
    public static double? Of(LoadedTask task)
    {
        if (task.Definition.Kind != TaskKind.MultipleChoice) return null;
        var subsets = task.Subsets
            .Select(subset => StandardErrors.Mean([.. subset.Items.Select(item => 1.0 / item.Choices.Count)])).ToList();
        return StandardErrors.Pooled(subsets, task.Definition.SubsetWeights == SubsetWeights.Items).Value;
    }
}
