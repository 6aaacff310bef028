namespace Bam.Checkpoints;

/// <summary>A change of the rotary frequencies.</summary>
/// <param name="Type">Its kind.</param>
/// <param name="Factor">Divides frequencies; above 0.</param>
internal sealed record RopeScaling(RopeScalingType Type, double Factor)
{
    /// <summary>Wavelengths above <see cref="OriginalMaxPositionEmbeddings"/> ÷ this are scaled wholly; 0 where the type has no such thing.</summary>
    public double LowFreqFactor { get; init; }

    /// <summary>Wavelengths below <see cref="OriginalMaxPositionEmbeddings"/> ÷ this stay; 0 where the type has no such thing.</summary>
    public double HighFreqFactor { get; init; }

    /// <summary>The longest input before the change; 0 where the type has no such thing.</summary>
    public int OriginalMaxPositionEmbeddings { get; init; }

    /// <summary>The frequency in place of one, in radians for a position.</summary>
    public double Scale(double frequency)
    {
        if (Type == RopeScalingType.Linear) return frequency / Factor;
        var turns = OriginalMaxPositionEmbeddings * frequency / (2 * Math.PI);  // within the original length
        var kept = Math.Clamp((turns - LowFreqFactor) / (HighFreqFactor - LowFreqFactor), 0, 1);
        return (1 - kept) * frequency / Factor + kept * frequency;
    }
}
