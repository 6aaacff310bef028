using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>A tokenizer that exists.</summary>
/// <param name="file">Its tokenizer.json.</param>
/// <param name="hashes">Of the file.</param>
/// <param name="bos">Where begin tokens stand in the data; null: before each document, if the tokenizer's template has
/// some.</param>
internal sealed class GivenTokenizerPhase(string file, FileHashes hashes, BeginOfText? bos = null) : TokenizerPhase([])
{
    private readonly Lazy<BeginOfText> place = new(() => bos ?? UsualPlace(file));

    /// <inheritdoc/>
    public override BeginOfText Bos => place.Value;

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

    private static BeginOfText UsualPlace(string file)
    {
        try
        {
            return Tokenizer.Load(file).IdsBefore.Count > 0 ? BeginOfText.Document : BeginOfText.None;
        }
        catch (InvalidInputException)
        {
            return BeginOfText.None; // refused by the phase that encodes with it
        }
    }
}
