using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Bam.Configuration;
using Bam.Data;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Experiments.Probes;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>
/// Makes the token shards of a probe: text beside the domains' on which models are measured, all of it held out. Its random
/// numbers come from its name and the seed.
/// </summary>
internal abstract class ProbePhase(
    string name, ProbeSettings settings, IReadOnlyList<PhaseNeed> sources, TokenizerPhase tokenizer,
    IReadOnlyList<PhaseFiles>? files = null)
    : ShardsPhase("probe", name, settings, [.. sources, PhaseNeed.Of(tokenizer)], files)
{
    /// <inheritdoc/>
    public override JsonObject Run(PhaseContext context)
    {
        var store = context.Store;
        var settings = (ProbeSettings)SettingsRecord;
        var loaded = LoadTokenizer(store);
        var options = Adjust(
            new HeldOutBuildOptions
            {
                Output = ShardsIn(store),
                Name = Name,
                Encoder = EncoderOf(loaded, settings.Bos, store),
                Seed = settings.Seed,
                Reporter = context.Reporter,
            },
            store);
        var report = HeldOutBuilder.Build(Documents(options, store, loaded), options, context.Cancellation).HeldOut;
        return new JsonObject { ["documents"] = report.Documents, ["tokens"] = report.Tokens, ["bytes"] = report.Utf8Bytes };
    }

    /// <summary>The probe's documents.</summary>
    private protected abstract IEnumerable<TextDocument> Documents(
        HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded);

    /// <summary>The options as this kind of probe needs them.</summary>
    private protected virtual HeldOutBuildOptions Adjust(HeldOutBuildOptions options, PhaseStore store) => options;
}

/// <summary>The settings of every probe.</summary>
internal abstract record ProbeSettings
{
    /// <summary>All random numbers of the probe come from it.</summary>
    public required long Seed { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public required BeginOfText Bos { get; init; }
}

/// <summary>A probe of text that no model saw.</summary>
internal sealed class UnseenProbePhase(DomainText text, UnseenProbeSettings settings, TokenizerPhase tokenizer)
    : ProbePhase(text.Name, settings, text.Needs, tokenizer, text.Files)
{
    private UnseenProbeSettings Settings => (UnseenProbeSettings)SettingsRecord;

    private protected override HeldOutBuildOptions Adjust(HeldOutBuildOptions options, PhaseStore store) => options with
    {
        Files = InputFiles.Resolve(Settings.Text.InputsOf(Name, this, store), options.Reporter),
        Format = Settings.Text.Format(),
        MaxTokens = Settings.MaxTokens,
    };

    private protected override IEnumerable<TextDocument> Documents(
        HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded) =>
        new DocumentReader(options.Files, options.Format, options.Reporter).Read();
}

/// <summary>The settings of an <see cref="UnseenProbePhase"/>.</summary>
internal sealed record UnseenProbeSettings : ProbeSettings
{
    [Flattened]
    public required TextSettings Text { get; init; }

    /// <summary>The most tokens that are measured, in documents drawn by the seed.</summary>
    public required long MaxTokens { get; init; }
}

/// <summary>A probe of a domain's held-out text with a part of its bytes corrupted; see <see cref="TextCorruption"/>.</summary>
internal sealed class CorruptedProbePhase(CorruptedProbeSettings settings, DataPhase domain, TokenizerPhase tokenizer)
    : ProbePhase(settings.Name, settings, [PhaseNeed.Of(domain)], tokenizer)
{
    private protected override IEnumerable<TextDocument> Documents(
        HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded)
    {
        var settings = (CorruptedProbeSettings)SettingsRecord;
        var random = new RandomStream(settings.Seed, Title);
        var number = 0;
        foreach (var text in HeldOutTexts.Read(All<DataPhase>().Single().ShardsIn(store), loaded))
        {
            var corrupted = TextCorruption.Apply(text, settings.Corrupt, ref random);
            yield return TextDocument.Of(new DocumentOrigin(Name, ++number), corrupted, group: null);
        }
    }
}

/// <summary>The settings of a <see cref="CorruptedProbePhase"/>.</summary>
internal sealed record CorruptedProbeSettings : ProbeSettings
{
    public required string Name { get; init; }

    /// <summary>The probability with which a byte is replaced.</summary>
    public required double Corrupt { get; init; }
}

/// <summary>
/// A probe of documents in which pieces of several domains' held-out text take turns; see <see cref="MixedDocuments"/>.
/// </summary>
internal sealed class MixedProbePhase(MixedProbeSettings settings, IReadOnlyList<DataPhase> domains, TokenizerPhase tokenizer)
    : ProbePhase(settings.Name, settings, [.. domains.Select(PhaseNeed.Of)], tokenizer)
{
    private protected override IEnumerable<TextDocument> Documents(
        HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded)
    {
        var settings = (MixedProbeSettings)SettingsRecord;
        var domains = All<DataPhase>().Select(domain => HeldOutTexts.Read(domain.ShardsIn(store), loaded));
        return MixedDocuments.Make(domains, settings.Pieces, new RandomStream(settings.Seed, Title))
            .Select((text, number) => TextDocument.Of(new DocumentOrigin(Name, number + 1), text, group: null));
    }
}

/// <summary>The settings of a <see cref="MixedProbePhase"/>.</summary>
internal sealed record MixedProbeSettings : ProbeSettings
{
    public required string Name { get; init; }

    /// <summary>The domains.</summary>
    public required IReadOnlyList<string> Of { get; init; }

    /// <summary>The approximate length of a piece, in characters.</summary>
    public required int Pieces { get; init; }
}
