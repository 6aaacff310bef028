using System.Globalization;
using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>One expert of a <see cref="HeatMap"/>.</summary>
/// <param name="Name">The model behind the expert, or the expert's number.</param>
/// <param name="Domain">The domain that the model was trained on; null for none.</param>
internal sealed record HeatMapColumn(string Name, string? Domain)
{
    /// <summary>The first experts of a mixture.</summary>
    /// <param name="mixture">The mixture.</param>
    /// <param name="models">All models.</param>
    /// <param name="count">How many experts there are.</param>
    public static IReadOnlyList<HeatMapColumn> Of(ModelResult mixture, IReadOnlyList<ModelResult> models, int count) =>
        [.. Enumerable.Range(0, count).Select(expert =>
        {
            var name = mixture.Experts?.ElementAtOrDefault(expert) ?? expert.ToString(CultureInfo.InvariantCulture);
            return new HeatMapColumn(name, models.FirstOrDefault(model => model.Name == name)?.Domain);
        })];
}
