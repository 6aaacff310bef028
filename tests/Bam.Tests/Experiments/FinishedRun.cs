using Bam.Experiments.Findings;

namespace Bam.Tests.Experiments;

/// <summary>The toy recipe, run once for all tests that look at a finished run.</summary>
public sealed class FinishedRun : IDisposable
{
    /// <summary>The run's name inside <see cref="Recipe"/>.</summary>
    public const string Name = "finished";

    /// <summary>Runs it.</summary>
    public FinishedRun() => Results = Recipe.Run(ToyRecipe.Yaml, Name);

    /// <summary>The recipe and its directory.</summary>
    public ToyRecipe Recipe { get; } = new();

    /// <summary>What came out.</summary>
    internal Results Results { get; }

    /// <inheritdoc/>
    public void Dispose() => Recipe.Dispose();
}
