using System.Text.Json.Nodes;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>
/// Makes the token shards of a probe: text beside the domains' on which models are measured, all of it held out.
/// </summary>
/// <param name="name">The probe's name.</param>
/// <param name="sources">The phases whose outputs the text comes from.</param>
/// <param name="randomSeed">What is drawn for the probe comes from it.</param>
/// <param name="tokenizer">The tokenizer.</param>
internal abstract class ProbePhase(string name, IReadOnlyList<Phase> sources, long randomSeed, TokenizerPhase tokenizer)
    : ShardsPhase("probe", name, [.. sources, tokenizer])
{
    /// <summary>The number from which all that is drawn comes.</summary>
    protected long RandomSeed { get; } = randomSeed;

    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        var loaded = Tokenizer.Load(tokenizer.FileIn(context.Store));
        var options = Adjust(
            new HeldOutBuildOptions { Output = ShardsIn(context.Store), Name = Name, Encoder = tokenizer.Encoder(loaded, context.Store), Seed = RandomSeed, Reporter = context.Reporter },
            context.Store);
        var report = HeldOutBuilder.Build(Documents(options, context.Store, loaded), options, context.Cancellation).HeldOut;
        return new JsonObject { ["documents"] = report.Documents, ["tokens"] = report.Tokens, ["bytes"] = report.Utf8Bytes };
    }

    /// <inheritdoc/>
    protected override PhaseInputs Describe() => new()
    {
        Kind = Kind,
        Version = 1,
        Settings = tokenizer.WithBos(Settings()),
        Files = Files().ToDictionary(),
        Phases = Dependencies.ToDictionary(phase => phase.Title, phase => phase.Key),
    };

    /// <summary>All that the text depends on beside files and phases.</summary>
    private protected abstract JsonObject Settings();

    /// <summary>The probe's documents.</summary>
    private protected abstract IEnumerable<TextDocument> Documents(HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded);

    /// <summary>The hashes of the files that are read, by the name under which the key knows them.</summary>
    private protected virtual IEnumerable<KeyValuePair<string, string>> Files() => [];

    /// <summary>The options as this kind of probe needs them.</summary>
    private protected virtual HeldOutBuildOptions Adjust(HeldOutBuildOptions options, PhaseStore store) => options;
}
