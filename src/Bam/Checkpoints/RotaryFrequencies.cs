namespace Bam.Checkpoints;

/// <summary>The rotary frequencies of a model's layers, in radians per position: [D/2] for the rotated width D.</summary>
internal static class RotaryFrequencies
{
    /// <summary>The frequencies of the layers without <see cref="ModelConfig.RopeLocalBaseFreq"/>.</summary>
    /// <param name="config">The model.</param>
    /// <param name="length">The tokens of the input, on which dynamic scaling and LongRoPE depend.</param>
    public static double[] Of(ModelConfig config, long length)
    {
        var plain = Unscaled(config, config.RopeTheta);
        return config.RopeScaling is not { } scaling ? plain : scaling.Type switch
        {
            RopeScalingType.Linear => Array.ConvertAll(plain, frequency => frequency / scaling.Factor),
            RopeScalingType.Llama3 => Array.ConvertAll(plain, frequency => Llama3(frequency, scaling)),
            RopeScalingType.Dynamic => Unscaled(config, DynamicBase(config, scaling.Factor, length)),
            RopeScalingType.Yarn => Yarn(plain, config, scaling),
            _ => [.. plain.Zip(FactorsOf(scaling, length), (frequency, factor) => frequency / factor)],
        };
    }

    /// <summary>The frequencies of layers with a sliding window.</summary>
    public static double[] OfSlidingLayers(ModelConfig config, long length) =>
        config.RopeLocalBaseFreq is { } theta ? Unscaled(config, theta) : Of(config, length);

    private static double[] Unscaled(ModelConfig config, double theta) =>
        [.. Enumerable.Range(0, config.RotaryDim / 2).Select(i => Math.Pow(theta, -2.0 * i / config.RotaryDim))];

    private static double Llama3(double frequency, RopeScaling scaling)
    {
        var turns = scaling.OriginalMaxPositionEmbeddings * frequency / (2 * Math.PI);  // within the original length
        var kept = Math.Clamp((turns - scaling.LowFreqFactor) / (scaling.HighFreqFactor - scaling.LowFreqFactor), 0, 1);
        return (1 - kept) * frequency / scaling.Factor + kept * frequency;
    }

    // θ · (f·T/P - (f - 1))^(D/(D - 2)) beyond P positions
    private static double DynamicBase(ModelConfig config, double factor, long length)
    {
        if (length <= config.MaxPositionEmbeddings) return config.RopeTheta;
        var growth = factor * length / config.MaxPositionEmbeddings - (factor - 1);
        return config.RopeTheta * Math.Pow(growth, config.RotaryDim / (config.RotaryDim - 2.0));
    }

    // A ramp from the pairs with β_fast turns within the original length, which stay, to those with β_slow, which are scaled.
    private static double[] Yarn(double[] plain, ModelConfig config, RopeScaling scaling)
    {
        var (low, high) = (PairWith(scaling.BetaFast), PairWith(scaling.BetaSlow));
        if (scaling.Truncate) (low, high) = (Math.Floor(low), Math.Ceiling(high));
        (low, high) = (Math.Max(low, 0), Math.Min(high, config.RotaryDim - 1));
        if (low == high) high += 0.001;
        return [.. plain.Select((frequency, i) =>
        {
            var scaled = Math.Clamp((i - low) / (high - low), 0, 1);
            return frequency / scaling.Factor * scaled + frequency * (1 - scaled);
        })];

        double PairWith(double turns) =>
            config.RotaryDim * Math.Log(scaling.OriginalMaxPositionEmbeddings / (turns * 2 * Math.PI))
                / (2 * Math.Log(config.RopeTheta));
    }

    private static ValueList<double> FactorsOf(RopeScaling scaling, long length) =>
        length > scaling.OriginalMaxPositionEmbeddings ? scaling.LongFactor : scaling.ShortFactor;
}
