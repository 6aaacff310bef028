using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Studies;

/// <summary>The files that keep the figures of a study's finished units.</summary>
/// <param name="recipe">The study's recipe.</param>
/// <param name="runDirectory">The run's root, for a recipe that names no other place.</param>
internal sealed class KeptUnits(Recipe recipe, string runDirectory)
{
    private readonly string folder = recipe.Results ?? Path.Combine(runDirectory, "results");

    /// <summary>The file of a seed number.</summary>
    public string FileOf(long seed) => Path.Combine(folder, $"{recipe.Name}-seed-{seed}.json");

    /// <summary>The figures of a seed number, of whatever recipe and text they are; null when there are none.</summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    public Results? Load(long seed) => File.Exists(FileOf(seed)) ? Results.LoadFile(FileOf(seed)) : null;
}
