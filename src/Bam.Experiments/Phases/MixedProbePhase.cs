using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Experiments.Probes;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>
/// A probe of documents in which pieces of several domains' held-out text take turns; see <see cref="MixedDocuments"/>.
/// </summary>
/// <param name="name">The probe's name, from which its random numbers come too.</param>
/// <param name="domains">The domains.</param>
/// <param name="pieces">About the characters of a piece.</param>
/// <param name="randomSeed">Which domain's turn it is.</param>
/// <param name="tokenizer">The tokenizer.</param>
internal sealed class MixedProbePhase(string name, IReadOnlyList<DataPhase> domains, int pieces, long randomSeed, TokenizerPhase tokenizer)
    : ProbePhase(name, domains, randomSeed, tokenizer)
{
    private protected override JsonObject Settings() => new()
    {
        ["name"] = Name,
        ["of"] = new JsonArray([.. domains.Select(domain => JsonValue.Create(domain.Name))]),
        ["pieces"] = pieces,
        ["seed"] = RandomSeed,
    };

    private protected override IEnumerable<TextDocument> Documents(HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded) =>
        MixedDocuments.Make(domains.Select(domain => HeldOutTexts.Read(domain.ShardsIn(store), loaded)), pieces, new RandomStream(RandomSeed, Title))
            .Select((text, number) => new TextDocument(new DocumentOrigin(Name, number + 1), text, Group: null));
}
