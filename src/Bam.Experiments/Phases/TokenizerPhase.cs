using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Configuration;
using Bam.Data;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>A phase whose outcome is a tokenizer.</summary>
/// <param name="dependencies">The phases whose outputs this one reads.</param>
internal abstract class TokenizerPhase(IReadOnlyList<Phase> dependencies) : Phase("tokenizer", "tokenizer", dependencies)
{
    /// <summary>Where begin tokens stand in the data.</summary>
    public virtual BeginOfText Bos => BeginOfText.None;

    /// <summary>The tokenizer's file.</summary>
    public virtual string FileIn(PhaseStore store)
    {
        ArgumentNullException.ThrowIfNull(store);
        return Path.Combine(store.DirectoryOf(this), TokenizerFile.FileName);
    }

    /// <inheritdoc/>
    protected internal override bool IsOutput(string file) => file == TokenizerFile.FileName;

    /// <summary>Makes tokens of documents.</summary>
    /// <param name="loaded">The tokenizer.</param>
    /// <param name="store">Where it lies.</param>
    internal TextEncoder Encoder(Tokenizer loaded, PhaseStore store) => TextEncoder.Of(loaded, FileIn(store), Bos);

    /// <summary>
    /// Adds to the settings of a phase that makes tokens where begin tokens stand; nothing for nowhere, so that keys from before
    /// there were some stay.
    /// </summary>
    internal JsonObject WithBos(JsonObject settings)
    {
        if (Bos != BeginOfText.None) settings["bos"] = SnakeCase.Of(Bos.ToString());
        return settings;
    }
}
