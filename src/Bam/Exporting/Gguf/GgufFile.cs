using Bam.Checkpoints.Safetensors;

namespace Bam.Exporting.Gguf;

/// <summary>
/// A GGUF file, version 3, as it will be: metadata, the list of tensors, then the tensors, each at a multiple of 32 bytes. All
/// numbers are little-endian.
/// </summary>
internal sealed class GgufFile
{
    private const int Alignment = 32;
    private const uint Version = 3;

    private readonly byte[] header;
    private readonly long[] positions;

    /// <summary>Lays the file out.</summary>
    /// <param name="metadata">Keys and values.</param>
    /// <param name="tensors">What it holds, in the file's order.</param>
    public GgufFile(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        Tensors = tensors;
        positions = new long[tensors.Count];
        var length = 0L;
        for (var i = 0; i < tensors.Count; i++)
        {
            positions[i] = length;
            length = Align(length + tensors[i].ByteLength);
        }

        header = Header(metadata);
        for (var i = 0; i < tensors.Count; i++) positions[i] += header.Length;
        Length = header.Length + length;
    }

    /// <summary>What it holds, in the file's order.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Its size.</summary>
    public long Length { get; }

    /// <summary>Where in the file a tensor begins.</summary>
    /// <param name="tensor">Its number in <see cref="Tensors"/>.</param>
    public long PositionOf(int tensor) => positions[tensor];

    /// <summary>Creates the file with everything but its tensors.</summary>
    /// <exception cref="Bam.WorkFailedException">The disk is full or cannot be written.</exception>
    public OutputFile Create(string path)
    {
        var file = new OutputFile(path, Length);
        file.Guarded(() => RandomAccess.Write(file.Handle, header, 0));
        return file;
    }

    private static long Align(long position) => (position + Alignment - 1) / Alignment * Alignment;

    private byte[] Header(GgufMetadata metadata)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)Tensors.Count);
        writer.Write((ulong)metadata.Count);
        metadata.Write(writer);
        for (var i = 0; i < Tensors.Count; i++)
        {
            GgufMetadata.WriteText(writer, Tensors[i].Name);
            writer.Write((uint)Tensors[i].Shape.Count);
            foreach (var size in Tensors[i].Shape.Reverse()) writer.Write((ulong)size);
            writer.Write((uint)Tensors[i].Type);
            writer.Write((ulong)positions[i]);
        }

        while (content.Length % Alignment != 0) content.WriteByte(0);
        return content.ToArray();
    }
}
