using System.Text.Json.Nodes;

namespace Bam.Experiments.Phases;

/// <summary>A tokenizer that exists.</summary>
/// <param name="file">Its tokenizer.json.</param>
/// <param name="hashes">Of the file.</param>
public sealed class GivenTokenizerPhase(string file, FileHashes hashes) : TokenizerPhase([])
{
    /// <inheritdoc/>
    public override string FileIn(PhaseStore store) => file;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context) => [];

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = [],
        Files = new Dictionary<string, string> { ["tokenizer.json"] = hashes.Of(file) },
    };
}
