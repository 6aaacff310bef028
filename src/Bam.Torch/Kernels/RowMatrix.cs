namespace Bam.Torch.Kernels;

/// <summary>A matrix in memory, which may be some columns of a wider one.</summary>
/// <param name="first">Its first element.</param>
/// <param name="pitch">Floats from a row to the next.</param>
internal readonly unsafe struct RowMatrix(float* first, long pitch)
{
    /// <summary>Floats from a row to the next.</summary>
    public long Pitch => pitch;

    /// <summary>The element of that row and column.</summary>
    public float* At(long row, long column) => first + row * pitch + column;
}
