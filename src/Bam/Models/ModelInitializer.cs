namespace Bam.Models;

/// <summary>Random initial values: matrices and routers N(0, 0.02²), norms that multiply by 1, biases 0.</summary>
internal static class ModelInitializer
{
    /// <summary>σ of every matrix.</summary>
    public const double StandardDeviation = 0.02;

    /// <summary>Fills the model; each tensor's values depend on the seed and its own name alone.</summary>
    public static void Initialize(LanguageModel model, long seed)
    {
        foreach (var slice in model.Slices)
        {
            var values = new float[slice.Count];
            if (slice.Parameter.IsNorm && !slice.Parameter.IsBias)
                Array.Fill(values, model.Config.NormUnitOffset ? 0 : 1);
            else if (!slice.Parameter.IsBias)
                new RandomStream(seed, slice.Parameter.Name).FillNormal(values, StandardDeviation);
            ModelCheckpoint.Write(model.Parameters.Values, slice, values);
        }
    }
}
