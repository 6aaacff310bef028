using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Exporting;

/// <summary>Exports models for other software.</summary>
internal static class Exporter
{
    /// <summary>Exports a checkpoint; the output directory appears when complete.</summary>
    /// <exception cref="InvalidInputException">
    /// The model is invalid or not supported by the format, or the output is not empty.
    /// </exception>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public static void Export(
        string modelDirectory, IExportFormat format, ExportOptions options, string output, IReporter reporter,
        CancellationToken cancellation = default)
    {
        var source = ModelPath.Of(modelDirectory);
        OutputPath.RequireDirectory(output, OwnFiles.None, source.Directories);
        source.RequireNameLeftTo(output);
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

internal sealed record ExportOptions
{
    /// <summary>The output's dtype; null for the model's dtype.</summary>
    public TensorDtype? Dtype { get; init; }

    /// <summary>
    /// Quantizes matrices to llama.cpp's Q8_0: 8 bits per number and a scale per 32 numbers. Overrides <see cref="Dtype"/>.
    /// </summary>
    public bool Quantize { get; init; }

    /// <summary>Maximum tensor bytes per file; null for the format's default.</summary>
    public long? ShardBytes { get; init; }
}

/// <summary>A model format of other software.</summary>
internal interface IExportFormat
{
    /// <summary>The value of <c>--format</c>.</summary>
    string Name { get; }

    /// <summary>A short description for <c>--help</c>.</summary>
    string Description { get; }

    /// <summary>The library that loads it, as named on the Hugging Face hub (<c>library_name</c>).</summary>
    string Library { get; }

    /// <summary>Rejects models that the format cannot express exactly and options that do not apply.</summary>
    /// <exception cref="InvalidInputException">The message names what is not supported.</exception>
    void Require(Checkpoint model, ExportOptions options);

    /// <summary>Writes a model that passed <see cref="Require"/> into an empty directory.</summary>
    void Write(Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation);
}

internal static class ExportFormats
{
    /// <summary>All formats, in the order of <c>--help</c>.</summary>
    public static IReadOnlyList<IExportFormat> All { get; } =
    [
        new BamFormat(), new MixtralFormat(), new Qwen3MoeFormat(), new Qwen2MoeFormat(), new OlmoeFormat(), new LlamaFormat(),
        new GgufFormat(),
    ];

    /// <summary>The formats that a mixture can be written in directly.</summary>
    public static IReadOnlyList<SafetensorsFormat> Forms { get; } = [.. All.OfType<SafetensorsFormat>()];

    /// <summary>Finds a format by name.</summary>
    /// <exception cref="InvalidInputException">The name is unknown.</exception>
    public static IExportFormat Named(string name) => Named(name, All);

    /// <summary>Finds one of <see cref="Forms"/> by name.</summary>
    /// <exception cref="InvalidInputException">The name is unknown.</exception>
    public static SafetensorsFormat FormNamed(string name) => Named(name, Forms);

    private static T Named<T>(string name, IReadOnlyList<T> formats)
        where T : IExportFormat =>
        formats.FirstOrDefault(format => format.Name == name)
        ?? throw new InvalidInputException(
            "--format", string.Join(", ", formats.Select(format => format.Name)), name, "choose one of these");
}
