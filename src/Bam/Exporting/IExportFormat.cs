using Bam.Checkpoints.Opening;

namespace Bam.Exporting;

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
