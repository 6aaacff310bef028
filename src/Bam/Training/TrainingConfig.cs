using Bam.Configuration;

namespace Bam.Training;

/// <summary>One model, one phase: the file of <c>bam train</c>.</summary>
public sealed record TrainingConfig : ICheckedSection
{
    /// <summary>The checkpoint to start from; null to start from <see cref="Config"/> and random parameters.</summary>
    [Key(
        "the checkpoint directory to start from, or BASE+ADAPTER; instead of 'config'", IsModel = true, ChangesResult = false)]
    public string? Model { get; init; }

    /// <summary>The sizes of a model that starts from random parameters.</summary>
    [Key(
        "the sizes of a new model: the keys of config.json inline, the path of a config.json, or a preset's name; instead of "
        + "'model'",
        IsPath = true)]
    internal InlineValue? Config { get; init; }

    /// <summary>The seed of the random parameters of a new model.</summary>
    [Key("the seed of a new model's parameters")]
    public long InitSeed { get; init; }

    /// <summary>The tokenizer that the data was built with; copied into every checkpoint.</summary>
    [Key(
        "the directory or tokenizer.json that goes into the checkpoints; that of 'model' when absent",
        IsPath = true, ChangesResult = false)]
    public string? Tokenizer { get; init; }

    /// <summary>The domains and their shares.</summary>
    [Key("the domains that windows are drawn from, and their shares")]
    public required IReadOnlyList<TrainingDomain> Data { get; init; }

    /// <summary>The run's directory.</summary>
    [Key(
        "the run's directory: checkpoints, metrics and the final model; a run that is there already goes on",
        IsPath = true, ChangesResult = false)]
    public required string Output { get; init; }

    /// <summary>How to train.</summary>
    [Flattened]
    public required TrainingSettings Settings { get; init; }

    /// <summary>Reads the YAML file of <c>bam train</c>; paths in it are relative to its folder.</summary>
    /// <exception cref="InvalidInputException">The file is missing, or a key is unknown, missing or out of range.</exception>
    public static TrainingConfig Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ConfigFile.Read<TrainingConfig>(path);
    }

    void ICheckedSection.Check(SectionLocation section)
    {
        if (Model is null && Config is null) throw section.Fault("data", "key 'model' or key 'config' is missing: what to train");
        if (Model is not null && Config is not null)
            throw section.Fault("config", "key 'model' and key 'config' exclude each other; keep one");
        if (Settings.Steps is null && Settings.Tokens is null)
            throw section.Fault("data", "key 'tokens' or key 'steps' is missing: how long to train");
        if (Data.Count == 0) throw section.Fault("data", "key 'data': expected at least one domain, found an empty list");
        if (Data.Any(d => d.Domain.Length == 0))
            throw section.Fault("data", "key 'data': expected a name of each domain, found an empty text");
        if (Data.GroupBy(d => d.Domain).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw section.Fault("data", $"key 'data': domain '{twice.Key}' is there twice; give each a name of its own");
        if (!double.IsFinite(Data.Sum(d => d.Weight)))
            throw section.Fault(
                "data", "key 'data': expected weights with a finite sum, found larger ones; only their ratio counts, lower them");
    }
}

/// <summary>One domain of a run's mixture of text.</summary>
public sealed record TrainingDomain
{
    /// <summary>The name in metrics and tables.</summary>
    [Key("the domain's name in metrics and tables")]
    public required string Domain { get; init; }

    /// <summary>The directory that <c>bam data build</c> wrote.</summary>
    [Key("the directory that 'bam data build' wrote, or the prefix of a .bin/.idx pair", IsPath = true, ChangesResult = false)]
    public required string Path { get; init; }

    /// <summary>Text to measure on in place of what <see cref="Path"/> holds out.</summary>
    [Key(
        "the text that evaluations measure on: a directory that 'bam data build' wrote, or the prefix of a .bin/.idx pair, all "
        + "of which is read; what 'path' holds out when absent",
        IsPath = true, ChangesResult = false)]
    public string? Validation { get; init; }

    /// <summary>The share of the windows, relative to the other domains' weights.</summary>
    [Key("the share of the windows, relative to the other domains' weights", Minimum = 0, AboveMinimum = true)]
    public double Weight { get; init; } = 1;
}
