using System.Text.Json.Nodes;
using Bam.Data;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Experiments.Probes;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>A probe of a domain's held-out text with a part of its bytes corrupted; see <see cref="TextCorruption"/>.</summary>
/// <param name="name">The probe's name, from which its random numbers come too.</param>
/// <param name="domain">The domain.</param>
/// <param name="probability">Of each byte to be replaced.</param>
/// <param name="randomSeed">Which bytes are replaced, and by what.</param>
/// <param name="tokenizer">The tokenizer.</param>
internal sealed class CorruptedProbePhase(string name, DataPhase domain, double probability, long randomSeed, TokenizerPhase tokenizer)
    : ProbePhase(name, [domain], randomSeed, tokenizer)
{
    private protected override JsonObject Settings() => new() { ["name"] = Name, ["corrupt"] = probability, ["seed"] = RandomSeed };

    private protected override IEnumerable<TextDocument> Documents(HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded)
    {
        var random = new RandomStream(RandomSeed, Title);
        var number = 0;
        foreach (var text in HeldOutTexts.Read(domain.ShardsIn(store), loaded))
            yield return new TextDocument(new DocumentOrigin(Name, ++number), TextCorruption.Apply(text, probability, ref random), Group: null);
    }
}
