namespace Bam.Generation;

/// <summary>How the next token is chosen from its scores. The filters apply in this order: temperature, top-k, top-p.</summary>
internal sealed record SamplerOptions
{
    /// <summary>Divides the logits; 0 always takes the largest.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>Only the k most probable tokens; null for all.</summary>
    public int? TopK { get; init; }

    /// <summary>Only the most probable tokens whose probabilities sum to at least this (nucleus sampling, Holtzman et al. 2020).</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Names the random numbers: the same seed, model and prompt give the same text.</summary>
    public long Seed { get; init; }

    /// <summary>Refuses values that mean nothing.</summary>
    /// <exception cref="InvalidInputException">Names the first.</exception>
    public void Validate()
    {
        if (!(Temperature >= 0 && double.IsFinite(Temperature)))
            throw new InvalidInputException("--temperature", "0 (always the most probable token) or a number above", $"{Temperature}", "1 samples from the model's own probabilities");
        if (TopK is < 1) throw new InvalidInputException("--top-k", "a number above 0", $"{TopK}", "leave it out to choose from all tokens");
        if (!(TopP is > 0 and <= 1)) throw new InvalidInputException("--top-p", "a number above 0, up to 1", $"{TopP}", "leave it out to choose from all tokens");
    }
}
