using Bam.Files;
using Microsoft.Win32.SafeHandles;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// Writes the weights of a checkpoint in any order and by several threads into an <see cref="AtomicDirectory"/>. The index is
/// written last.
/// </summary>
internal sealed class CheckpointWriter : IDisposable
{
    private readonly string directory;
    private readonly CheckpointLayout layout;
    private readonly List<OutputFile> files = [];
    private readonly Dictionary<string, (OutputFile File, long Position)> places = [];

    /// <summary>Creates every file with its header.</summary>
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
        if (layout.Index() is { } index)
            AtomicFile.Write(Path.Combine(directory, WeightSet.IndexFileName), stream => stream.Write(index));
    }

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

/// <summary>A file of known length that several threads write by position.</summary>
internal sealed class OutputFile : IDisposable
{
    private readonly string path;

    /// <summary>Creates the file at its full length, without claiming the disk's blocks.</summary>
    /// <exception cref="WorkFailedException">It cannot be created.</exception>
    public OutputFile(string path, long length)
    {
        this.path = path;
        Handle = Guarded(() => File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None));
        try
        {
            Guarded(() => RandomAccess.SetLength(Handle, length));
        }
        catch
        {
            Handle.Dispose();
            throw;
        }
    }

    /// <summary>Open for writing.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Does some writing, with a failure of the disk turned into one line that names the file.</summary>
    /// <exception cref="WorkFailedException">The disk is full or failed.</exception>
    public void Guarded(Action write) =>
        Guarded(() =>
        {
            write();
            return true;
        });

    public void Dispose() => Handle.Dispose();

    private T Guarded<T>(Func<T> write)
    {
        try
        {
            return write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException(
                $"{TemporarySibling.Displayed(path)}: cannot be written ({IoFailure.Describe(e)}); no part of it was left "
                + "under that name",
                e);
        }
    }
}
