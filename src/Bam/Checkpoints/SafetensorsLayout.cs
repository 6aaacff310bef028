namespace Bam.Checkpoints;

/// <summary>A safetensors file that is going to be written: its header, and so where each tensor begins.</summary>
/// <param name="Name">The file's name.</param>
/// <param name="Tensors">What is in it, in order.</param>
internal sealed record SafetensorsLayout(string Name, IReadOnlyList<TensorDeclaration> Tensors)
{
    /// <summary>The length field and the header.</summary>
    public byte[] Header { get; } = SafetensorsWriter.Header(Tensors, metadata: null);

    /// <summary>The bytes of all tensors.</summary>
    public long TensorBytes { get; } = Tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>The bytes of the whole file.</summary>
    public long Length => Header.Length + TensorBytes;
}
