using System.Runtime.InteropServices;
using Bam.Files;
using Microsoft.Win32.SafeHandles;

namespace Bam.Data.Building;

/// <summary>The sketches of documents in a file, which is deleted at the end.</summary>
internal sealed class SketchFile : IDisposable
{
    private const int Size = MinHash.Size * sizeof(uint);

    private readonly string path;
    private readonly SafeFileHandle file;

    /// <summary>Creates the file.</summary>
    /// <exception cref="WorkFailedException">It cannot be created.</exception>
    public SketchFile(string path)
    {
        this.path = path;
        try
        {
            file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.DeleteOnClose);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e);
        }
    }

    /// <summary>Writes the sketch of a document.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Write(int number, ReadOnlySpan<uint> sketch)
    {
        try
        {
            RandomAccess.Write(file, MemoryMarshal.AsBytes(sketch), (long)number * Size);
        }
        catch (IOException e)
        {
            throw Failed(e);
        }
    }

    /// <summary>Reads a sketch that was written.</summary>
    public void Read(int number, Span<uint> sketch) =>
        RandomAccess.Read(file, MemoryMarshal.AsBytes(sketch), (long)number * Size);

    public void Dispose() => file.Dispose();

    private WorkFailedException Failed(Exception cause) =>
        new($"{path}: cannot be written ({IoFailure.Describe(cause)}); make room or choose another output", cause);
}
