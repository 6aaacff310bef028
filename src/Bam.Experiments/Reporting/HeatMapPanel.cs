namespace Bam.Experiments.Reporting;

/// <summary>One <see cref="HeatMap"/>.</summary>
/// <param name="Caption">What it shows.</param>
/// <param name="Domain">Whose tokens these are; null for all.</param>
/// <param name="Values">[rows, experts] fractions.</param>
/// <param name="Experts">The columns.</param>
internal sealed record HeatMapPanel(string Caption, string? Domain, double[][] Values, IReadOnlyList<HeatMapColumn> Experts)
{
    /// <summary>What the rows are.</summary>
    public string RowsTitle { get; init; } = "layer";

    /// <summary>The rows' names; their numbers, from 0, when null.</summary>
    public IReadOnlyList<string>? Rows { get; init; }
}
