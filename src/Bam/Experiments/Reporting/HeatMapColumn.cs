namespace Bam.Experiments.Reporting;

/// <summary>One expert of a <see cref="HeatMap"/>.</summary>
/// <param name="Name">The model behind the expert, or the expert's number.</param>
/// <param name="Domain">The domain that the model was trained on; null for none.</param>
internal sealed record HeatMapColumn(string Name, string? Domain);
