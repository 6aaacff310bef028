using System.Text.Json.Nodes;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Tokenization;

namespace Bam.Experiments.Phases;

/// <summary>A probe of text that no model saw.</summary>
/// <param name="text">The text.</param>
/// <param name="maxTokens">The most tokens that are measured.</param>
/// <param name="randomSeed">Which documents are measured where there are more.</param>
/// <param name="tokenizer">The tokenizer.</param>
internal sealed class UnseenProbePhase(DomainText text, long maxTokens, long randomSeed, TokenizerPhase tokenizer)
    : ProbePhase(text.Name, text.Dependencies, randomSeed, tokenizer)
{
    private protected override JsonObject Settings()
    {
        var settings = text.Settings();
        settings["max_tokens"] = maxTokens;
        settings["seed"] = RandomSeed;
        return settings;
    }

    private protected override IEnumerable<KeyValuePair<string, string>> Files() => text.Files();

    private protected override HeldOutBuildOptions Adjust(HeldOutBuildOptions options, PhaseStore store) => options with
    {
        Files = InputFiles.Resolve(text.Inputs(store), options.Reporter),
        Format = text.Domain.Format,
        MaxTokens = maxTokens,
    };

    private protected override IEnumerable<TextDocument> Documents(HeldOutBuildOptions options, PhaseStore store, Tokenizer loaded) =>
        new DocumentReader(options.Files, options.Format, options.Reporter).Read();
}
