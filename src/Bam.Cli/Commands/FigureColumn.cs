namespace Bam.Cli.Commands;

/// <summary>One column of a table of figures.</summary>
/// <param name="Title">Its head.</param>
/// <param name="Values">A value for each row.</param>
internal sealed record FigureColumn(string Title, IReadOnlyList<double> Values);
