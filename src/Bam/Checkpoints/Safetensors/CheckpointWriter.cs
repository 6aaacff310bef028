using Bam.Files;

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
        foreach (var file in files) file.Complete();
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
        var file = new OutputFile(Path.Combine(directory, planned.Name), planned.Header, planned.Length);
        files.Add(file);
        var position = (long)planned.Header.Length;
        foreach (var tensor in planned.Tensors)
        {
            places.Add(tensor.Name, (file, position));
            position += tensor.ByteLength;
        }
    }
}
