using Bam.Configuration;

namespace Bam.Tests.Configuration;

public enum SampleDtype { Float32, Bfloat16 }

internal sealed record SampleSource
{
    [Key("where it lies", IsPath = true, ChangesResult = false)]
    public required string Path { get; init; }

    [Key("its weight", Minimum = 0, AboveMinimum = true)]
    public double Weight { get; init; } = 1;
}

internal sealed record SampleGroup : ICheckedSection
{
    [Key("the peak learning rate", Minimum = 0, AboveMinimum = true, Maximum = 1)]
    public double LearningRate { get; init; } = 1e-3;

    [Key("the arithmetic")]
    public SampleDtype Dtype { get; init; }

    [Key("the budget in tokens", Minimum = 1)]
    public long? Tokens { get; init; }

    [Key("the budget in steps", Minimum = 1)]
    public long? Steps { get; init; }

    public void Check(SectionLocation section)
    {
        if (Tokens is not null && Steps is not null) throw section.Fault("steps", "'tokens' and 'steps' exclude each other");
    }
}

internal sealed record Sample
{
    [Key("what it is called")]
    public required string Name { get; init; }

    [Key("the sequences of a step", Minimum = 1)]
    public int BatchSize { get; init; } = 8;

    [Flattened]
    public required SampleGroup Group { get; init; }

    [Key("what is read")]
    public IReadOnlyList<SampleSource> Sources { get; init; } = [];

    [Key("the sizes, inline or by name", IsPath = true)]
    public InlineValue? Model { get; init; }

    [Key("what things are called")]
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    [Key("the steps between two lines", ChangesResult = false)]
    public int LogEvery { get; init; } = 10;

    public long? Tokens => Group.Tokens;
}
