using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Tests.Experiments;

/// <summary>The toy recipe, run once for all tests that look at a finished run.</summary>
public sealed class FinishedRun : IDisposable
{
    /// <summary>The run's name inside <see cref="Recipe"/>.</summary>
    public const string Name = "finished";

    /// <summary>Runs it.</summary>
    public FinishedRun() => Study = Recipe.RunStudy(ToyRecipe.Yaml, Name);

    /// <summary>The recipe and its directory.</summary>
    public ToyRecipe Recipe { get; } = new();

    /// <summary>The run as a study with one unit.</summary>
    internal Study Study { get; }

    /// <summary>The results of its unit.</summary>
    internal Results Results => Study.Units[0];

    /// <inheritdoc/>
    public void Dispose() => Recipe.Dispose();
}
