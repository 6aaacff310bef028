using Bam.Checkpoints.Opening;
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
