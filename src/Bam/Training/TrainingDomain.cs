using Bam.Configuration;

namespace Bam.Training;

/// <summary>One domain of a run's mixture of text.</summary>
public sealed record TrainingDomain
{
    /// <summary>The name in metrics and tables.</summary>
    [Key("the domain's name in metrics and tables")]
    public required string Domain { get; init; }

    /// <summary>The directory that <c>bam data build</c> wrote.</summary>
    [Key("the directory that 'bam data build' wrote, or the prefix of a .bin/.idx pair", IsPath = true, ChangesResult = false)]
    public required string Path { get; init; }

    /// <summary>Text to measure on in place of what <see cref="Path"/> holds out.</summary>
    [Key(
        "the text that evaluations measure on: a directory that 'bam data build' wrote, or the prefix of a .bin/.idx pair, all of which is read; what 'path' holds out when absent",
        IsPath = true, ChangesResult = false)]
    public string? Validation { get; init; }

    /// <summary>The share of the windows, relative to the other domains' weights.</summary>
    [Key("the share of the windows, relative to the other domains' weights", Minimum = 0, AboveMinimum = true)]
    public double Weight { get; init; } = 1;
}
