using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Exporting;

/// <summary>Writes a model in a form that other software loads.</summary>
internal static class Exporter
{
    /// <summary>Opens the model, refuses what the format cannot express, and writes.</summary>
    /// <param name="modelDirectory">A checkpoint.</param>
    /// <param name="format">The format.</param>
    /// <param name="options">What is asked.</param>
    /// <param name="output">The directory; it appears when whole.</param>
    /// <param name="reporter">Told of progress.</param>
    /// <param name="cancellation">Stops, leaving nothing.</param>
    /// <exception cref="InvalidInputException">The model is damaged or cannot be expressed, or the output holds something else.</exception>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public static void Export(
        string modelDirectory, IExportFormat format, ExportOptions options, string output, IReporter reporter, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(format);
        ArgumentNullException.ThrowIfNull(options);
        OutputPath.RequireDirectory(output, OwnFiles.None, [modelDirectory]);
        using var model = Checkpoint.Open(modelDirectory, reporter);
        format.Require(model, options);
        var card = ModelCard.Of(model, format);
        using var directory = new AtomicDirectory(output, OwnFiles.None);
        format.Write(model, options, directory.TemporaryPath, reporter, cancellation);
        AtomicFile.WriteText(Path.Combine(directory.TemporaryPath, ModelCard.FileName), card);
        cancellation.ThrowIfCancellationRequested();
        directory.Commit();
    }
}

/// <summary>What a user asks of an export.</summary>
internal sealed record ExportOptions
{
    /// <summary>The output's dtype; null for the model's.</summary>
    public TensorDtype? Dtype { get; init; }

    /// <summary>Matrices in llama.cpp's Q8_0, eight bits a number and a scale for every 32; whatever <see cref="Dtype"/> says.</summary>
    public bool Quantize { get; init; }

    /// <summary>The most bytes of tensors in one file of the output; null for the format's own choice.</summary>
    public long? ShardBytes { get; init; }
}

/// <summary>A form in which other software loads a model.</summary>
internal interface IExportFormat
{
    /// <summary>What a user calls it.</summary>
    string Name { get; }

    /// <summary>For whom it is, in half a line.</summary>
    string Description { get; }

    /// <summary>What loads it, as the Hugging Face hub calls it (<c>library_name</c>).</summary>
    string Library { get; }

    /// <summary>Refuses a model that it cannot express exactly, and options that mean nothing to it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What the user asks.</param>
    /// <exception cref="InvalidInputException">Says what cannot be expressed.</exception>
    void Require(Checkpoint model, ExportOptions options);

    /// <summary>Writes everything into a directory that nobody reads yet.</summary>
    /// <param name="model">A model that <see cref="Require"/> lets pass.</param>
    /// <param name="options">What the user asks.</param>
    /// <param name="directory">Exists and is empty.</param>
    /// <param name="reporter">Told of progress.</param>
    /// <param name="cancellation">Stops.</param>
    void Write(Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation);
}

/// <summary>All formats.</summary>
internal static class ExportFormats
{
    /// <summary>In the order in which they are listed.</summary>
    public static IReadOnlyList<IExportFormat> All { get; } = [new BamFormat(), new MixtralFormat(), new LlamaFormat(), new GgufFormat()];

    /// <summary>Those that a mixture can be written in at once.</summary>
    public static IReadOnlyList<SafetensorsFormat> Forms { get; } = [.. All.OfType<SafetensorsFormat>()];

    /// <summary>The format of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IExportFormat Named(string name) => Named(name, All);

    /// <summary>The form of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static SafetensorsFormat FormNamed(string name) => Named(name, Forms);

    private static T Named<T>(string name, IReadOnlyList<T> formats)
        where T : IExportFormat =>
        formats.FirstOrDefault(format => format.Name == name)
        ?? throw new InvalidInputException("--format", string.Join(", ", formats.Select(format => format.Name)), name, "choose one of these");
}

/// <summary>Something that a format has no way to say.</summary>
/// <param name="IsMet">Whether a model has it.</param>
/// <param name="What">What the model then has, in words.</param>
internal sealed record ExportLimit(Predicate<ModelConfig> IsMet, string What)
{
    /// <summary>What Llama's relatives in other software cannot compute.</summary>
    public static readonly IReadOnlyList<ExportLimit> OfLlama =
    [
        new(config => config.NumAttentionExperts > 1, "attention experts"),
        new(config => config.ParallelBlock, "parallel blocks"),
        new(config => config.NormType != NormType.RmsNorm, "LayerNorm"),
        new(config => config.NormBias, "norms with biases"),
        new(config => !config.GatedMlp || config.HiddenAct != "silu", "a feed-forward that is no SwiGLU"),
        new(config => config.QueryKeyNorm != QueryKeyNorm.None, "norms of queries and keys"),
        new(config => config.RotaryDim != config.HeadDim, "heads of which a part is rotated"),
        new(config => config.LogitScale != 1, "scaled logits"),
        new(config => config.LmHeadBias, "a bias of the head"),
    ];

    /// <summary>Checkpoints of Llama's relatives have rotary pairs as halves.</summary>
    public static readonly ExportLimit NeighbouringPairs = new(config => config.RopeInterleaved, "rotary pairs that are neighbours");

    /// <summary>Refuses a model that meets one of several.</summary>
    /// <param name="config">The model.</param>
    /// <param name="where">What to call it.</param>
    /// <param name="limits">The format's.</param>
    /// <param name="format">The format's name.</param>
    /// <exception cref="InvalidInputException">Names the first.</exception>
    public static void Require(ModelConfig config, string where, IEnumerable<ExportLimit> limits, string format)
    {
        if (limits.FirstOrDefault(limit => limit.IsMet(config)) is { } met)
        {
            throw new InvalidInputException(
                where, $"a model that --format {format} can express exactly", $"one with {met.What}", "use --format hf, which expresses every model of Bam");
        }
    }
}
