using System.Globalization;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>How far a study has come, in words.</summary>
internal static class SeedText
{
    /// <summary>As "seeds 1, 2 finished, 3 missing".</summary>
    public static string Of(Study study)
    {
        var finished = List(study.Units.Select(unit => unit.RandomSeed));
        var missing = List(study.MissingSeeds);
        if (study.Units.Count == 0) return $"no seed finished, {missing} missing";
        var seeds = study.Units.Count == 1 ? "seed" : "seeds";
        return study.MissingSeeds.Count == 0 ? $"{seeds} {finished}, all finished" : $"{seeds} {finished} finished, {missing} missing";
    }

    private static string List(IEnumerable<long> seeds) => string.Join(", ", seeds.Select(seed => seed.ToString(CultureInfo.InvariantCulture)));
}
