namespace Bam.Checkpoints;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Dtype">Its element type.</param>
/// <param name="Shape">Its sizes; empty for a scalar.</param>
/// <param name="Offset">Where its bytes begin in the file.</param>
/// <param name="ByteLength">How many bytes it has.</param>
internal sealed record TensorInfo(string Name, TensorDtype Dtype, long[] Shape, long Offset, long ByteLength)
{
    /// <summary>How many numbers it holds.</summary>
    public long Count => ByteLength * 8 / Dtype.BitSize;
}
