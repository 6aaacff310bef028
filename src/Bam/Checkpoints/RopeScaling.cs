namespace Bam.Checkpoints;

/// <summary>
/// A change of the rotary frequencies for inputs longer than those a model was first trained on. Symbols: f
/// <see cref="Factor"/>, O <see cref="OriginalMaxPositionEmbeddings"/>, θ the base, D the rotated width of a head.
/// </summary>
internal sealed record RopeScaling(RopeScalingType Type, double Factor)
{
    /// <summary>O, the longest input before the change; 0 where the type does not use it.</summary>
    public int OriginalMaxPositionEmbeddings { get; init; }

    /// <summary>Llama 3: wavelengths above O ÷ this are scaled by f; 0 for other types.</summary>
    public double LowFreqFactor { get; init; }

    /// <summary>Llama 3: wavelengths below O ÷ this stay; 0 for other types.</summary>
    public double HighFreqFactor { get; init; }

    /// <summary>YaRN: pairs with more turns within O stay; 0 for other types.</summary>
    public double BetaFast { get; init; }

    /// <summary>YaRN: pairs with fewer turns within O are scaled by f; 0 for other types.</summary>
    public double BetaSlow { get; init; }

    /// <summary>YaRN: the ends of the ramp between the two are rounded outwards to whole pairs.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>YaRN and LongRoPE: multiplies cosines and sines, so that scores are multiplied by its square.</summary>
    public double AttentionFactor { get; init; } = 1;

    /// <summary>
    /// YaRN: β of the queries' factor at position t, 1 + β·ln(1 + ⌊t/O⌋) (Ministral 3, as in Llama 4); 0 for none.
    /// </summary>
    public double Llama4ScalingBeta { get; init; }

    /// <summary>LongRoPE: [D/2], each pair's divisor for inputs of at most O tokens; none for other types.</summary>
    public ValueList<double> ShortFactor { get; init; } = [];

    /// <summary>LongRoPE: [D/2], each pair's divisor for longer inputs; none for other types.</summary>
    public ValueList<double> LongFactor { get; init; } = [];

    /// <summary>True where the frequencies depend on the length of the input.</summary>
    public bool DependsOnLength => Type is RopeScalingType.Dynamic or RopeScalingType.Longrope;

    /// <summary>What a query at that position is multiplied by.</summary>
    public double QueryFactor(int position) =>
        1 + Llama4ScalingBeta * Math.Log(1 + position / Math.Max(1, OriginalMaxPositionEmbeddings));

    /// <summary>The attention factor of YaRN where a file gives none: 0.1·m·ln f + 1 (arXiv 2309.00071, Eq. 22).</summary>
    public static double YarnAttentionFactor(double factor, double m = 1) => factor <= 1 ? 1 : 0.1 * m * Math.Log(factor) + 1;

    /// <summary>
    /// The attention factor of LongRoPE where a file gives none: √(1 + ln f / ln O) (arXiv 2402.13753, section 3.2).
    /// </summary>
    public static double LongRopeAttentionFactor(double factor, int original) =>
        factor <= 1 ? 1 : Math.Sqrt(1 + Math.Log(factor) / Math.Log(original));
}

/// <summary>How rotary frequencies are changed for inputs longer than those a model was first trained on.</summary>
internal enum RopeScalingType
{
    /// <summary>All are divided by a factor (position interpolation, arXiv 2306.15595).</summary>
    Linear,

    /// <summary>Slow ones are divided by a factor, fast ones stay, with a ramp between (Llama 3.1, arXiv 2407.21783).</summary>
    Llama3,

    /// <summary>The base grows with the length of the input (NTK-aware interpolation, arXiv 2309.00071, section 3.3).</summary>
    Dynamic,

    /// <summary>As for Llama 3, with a ramp over the pairs, and scaled scores (arXiv 2309.00071).</summary>
    Yarn,

    /// <summary>Each is divided by a number of its own, which differs for short and long inputs (arXiv 2402.13753).</summary>
    Longrope,
}
