namespace Bam.Tokenization.Training;

/// <summary>What to train.</summary>
internal sealed record BpeTrainerOptions
{
    /// <summary>The ids to hand out, special tokens and the 256 bytes among them.</summary>
    public required int VocabSize { get; init; }

    /// <summary>They get the ids from 0 on, in this order.</summary>
    public IReadOnlyList<string> SpecialTokens { get; init; } = ["<|endoftext|>"];

    /// <summary>How text is cut into words.</summary>
    public TokenizerStyle Style { get; init; } = TokenizerStyle.Gpt2;

    /// <summary>A pair of tokens that occurs less often is not merged.</summary>
    public int MinFrequency { get; init; } = 2;

    /// <summary>How many threads count words; the result does not depend on it.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;
}
