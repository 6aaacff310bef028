using Bam.Data.Building;

namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is token shards, with text that models are measured on.</summary>
/// <param name="kind">What is done: "data", "probe".</param>
/// <param name="name">The name of the text.</param>
/// <param name="dependencies">The phases whose outputs this one reads.</param>
internal abstract class ShardsPhase(string kind, string name, IReadOnlyList<Phase> dependencies) : Phase(kind, name, dependencies)
{
    private const string FolderName = "shards";

    /// <summary>The directory of shards.</summary>
    public string ShardsIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Path.Combine(store.DirectoryOf(this), FolderName);
    }

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) => Path.GetDirectoryName(file) == FolderName && DataBuilder.IsFileName(Path.GetFileName(file));
}
