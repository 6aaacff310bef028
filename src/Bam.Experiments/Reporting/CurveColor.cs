using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>The style class that colours a model's curve.</summary>
internal static class CurveColor
{
    private static readonly string[] ExpertColors = ["c3", "c4", "c5", "c6", "c7"];
    private static readonly string[] MixtureColors = ["c3", "c4", "c5", "c6", "c7", "c0"];

    /// <summary>The colours of models by name, the same in every panel of a page.</summary>
    public static IReadOnlyDictionary<string, string> OfAll(IReadOnlyList<ModelResult> models) =>
        models.ToDictionary(model => model.Name, model => Of(model, models));

    /// <summary>
    /// The colour of a model among those of its panel: the first BAM and the first BTX have the same in every report.
    /// </summary>
    public static string Of(ModelResult model, IReadOnlyList<ModelResult> group)
    {
        bool IsFirst(ModelKind kind) => model == group.FirstOrDefault(other => other.Kind == kind);
        if (IsFirst(ModelKind.Bam)) return "c1";
        if (IsFirst(ModelKind.Btx)) return "c2";
        if (IsFirst(ModelKind.Seed)) return "c0";
        var colors = model.Kind == ModelKind.Expert ? ExpertColors : MixtureColors;
        var firsts = new[] { ModelKind.Bam, ModelKind.Btx, ModelKind.Seed }.Select(kind => group.FirstOrDefault(other => other.Kind == kind));
        var index = group.Where(other => !firsts.Contains(other)).ToList().IndexOf(model);
        // Once around the colours, lines turn dashed.
        return index < colors.Length ? colors[index] : $"{colors[index % colors.Length]} dashed";
    }
}
