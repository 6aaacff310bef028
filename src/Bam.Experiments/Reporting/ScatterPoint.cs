using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>One point of a <see cref="ScatterPanel"/>.</summary>
/// <param name="Name">Its label.</param>
/// <param name="Color">The style class that colours it.</param>
/// <param name="X">Its costs, a value for each run.</param>
/// <param name="Y">Its perplexities, a value for each run.</param>
internal sealed record ScatterPoint(string Name, string Color, Sample X, Sample Y);
