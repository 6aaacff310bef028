using Bam.Checkpoints;
using Bam.Data;
using Bam.Tokenization;

namespace Bam.Evaluation;

/// <summary>Whether a model and a domain's tokens speak of the same vocabulary.</summary>
public static class VocabularyMatch
{
    /// <summary>Refuses tokens that another tokenizer made; a model without a tokenizer must at least have all their ids.</summary>
    /// <param name="modelDirectory">The model's checkpoint.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="domain">The domain.</param>
    /// <exception cref="InvalidInputException">They do not match.</exception>
    public static void Require(string modelDirectory, ModelConfig config, DomainData domain)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(domain);
        if (domain.Report.VocabularySize > config.VocabSize)
            throw new InvalidInputException(
                $"domain '{domain.Name}'", $"tokens of a vocabulary of at most {config.VocabSize} ids, as {modelDirectory} has", $"{domain.Report.VocabularySize}",
                "build the data with the model's tokenizer");
        if (!File.Exists(Path.Combine(modelDirectory, Tokenizer.FileName))) return;
        var fingerprint = Tokenizer.Load(modelDirectory).Fingerprint;
        if (fingerprint != domain.Report.Tokenizer)
            throw new InvalidInputException(
                $"domain '{domain.Name}'", $"tokens made by the tokenizer of {modelDirectory} ({Short(fingerprint)})", $"another tokenizer's ({Short(domain.Report.Tokenizer)})",
                "build the data with the model's tokenizer");
    }

    private static string Short(string fingerprint) => fingerprint.Length > 12 ? $"{fingerprint[..12]}…" : fingerprint;
}
