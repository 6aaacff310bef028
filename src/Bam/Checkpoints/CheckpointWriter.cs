using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>
/// The weights of a checkpoint, written in any order and by several threads into a directory that nobody reads yet: an
/// <see cref="AtomicDirectory"/>. The index comes last.
/// </summary>
internal sealed class CheckpointWriter : IDisposable
{
    private readonly string directory;
    private readonly CheckpointLayout layout;
    private readonly List<OutputFile> files = [];
    private readonly Dictionary<string, (OutputFile File, long Position)> places = [];

    /// <summary>Creates every file with its header.</summary>
    /// <param name="directory">Where.</param>
    /// <param name="layout">Which tensor goes where.</param>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public CheckpointWriter(string directory, CheckpointLayout layout)
    {
        this.directory = directory;
        this.layout = layout;
        try
        {
            foreach (var file in layout.Files) Create(file);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The file of a tensor and where in it the tensor begins.</summary>
    public (OutputFile File, long Position) PlaceOf(string tensor) => places[tensor];

    /// <summary>Closes the files and writes the index of shards.</summary>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public void Complete()
    {
        Dispose();
        if (layout.Index() is { } index) AtomicFile.Write(Path.Combine(directory, Checkpoint.IndexFileName), stream => stream.Write(index));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }

    private void Create(SafetensorsLayout planned)
    {
        var file = new OutputFile(Path.Combine(directory, planned.Name), planned.Length);
        files.Add(file);
        file.Guarded(() => RandomAccess.Write(file.Handle, planned.Header, 0));
        var position = (long)planned.Header.Length;
        foreach (var tensor in planned.Tensors)
        {
            places.Add(tensor.Name, (file, position));
            position += tensor.ByteLength;
        }
    }
}
