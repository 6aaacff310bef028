namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is a model.</summary>
/// <param name="kind">What is done.</param>
/// <param name="name">The model's name.</param>
/// <param name="dependencies">The phases whose outputs this one reads.</param>
internal abstract class ModelPhase(string kind, string name, IReadOnlyList<Phase> dependencies) : Phase(kind, name, dependencies)
{
    /// <summary>The folder of the model in the phase's directory.</summary>
    private protected const string FolderName = "model";

    /// <summary>The model's checkpoint.</summary>
    public virtual string ModelIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Path.Combine(store.DirectoryOf(this), FolderName);
    }
}
