namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is a tokenizer.</summary>
/// <param name="dependencies">The phases whose outputs this one reads.</param>
public abstract class TokenizerPhase(IReadOnlyList<Phase> dependencies) : Phase("tokenizer", "tokenizer", dependencies)
{
    /// <summary>The tokenizer's file.</summary>
    public virtual string FileIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Path.Combine(store.DirectoryOf(this), "tokenizer.json");
    }
}
