namespace Bam.Generation;

/// <summary>What to generate.</summary>
internal sealed record GenerationOptions
{
    /// <summary>The most tokens; an end-of-text token counts.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>How tokens are chosen.</summary>
    public SamplerOptions Sampler { get; init; } = new();

    /// <summary>The text ends before the first of these; one that is a special token, which has no text, ends it as a token.</summary>
    public IReadOnlyList<string> StopStrings { get; init; } = [];

    /// <summary>Whether tokens come with their experts. Each is then reported one pass later, when the model has read it.</summary>
    public bool TraceRouting { get; init; }

    /// <summary>Refuses what means nothing for any model.</summary>
    /// <exception cref="InvalidInputException">An option is out of its range.</exception>
    public void Validate()
    {
        if (MaxNewTokens < 1) throw new InvalidInputException("--max-tokens", "a number above 0", $"{MaxNewTokens}", "change it");
        if (StopStrings.Contains("")) throw new InvalidInputException("--stop", "text", "an empty string", "leave it out");
        Sampler.Validate();
    }
}
