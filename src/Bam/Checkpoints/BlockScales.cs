using System.Numerics.Tensors;

namespace Bam.Checkpoints;

/// <summary>
/// The scales of a matrix in eight bits, one for each block of rows and columns: a number of the matrix is its float8 times its block's
/// scale, whatever the scales are called ("weight_scale_inv" is a factor too). In front of rows and columns there may be one more dimension, the experts.
/// </summary>
internal sealed class BlockScales
{
    private readonly long rows;
    private readonly long columns;
    private readonly long scaleRows;
    private readonly long scaleColumns;
    private readonly long blockRows;
    private readonly long blockColumns;
    private readonly Lazy<float[]> scales;

    private BlockScales(SafetensorsFile file, TensorInfo stored, long[] shape, long[] scaleShape, (long Rows, long Columns) block)
    {
        (rows, columns) = (shape[^2], shape[^1]);
        (scaleRows, scaleColumns) = (scaleShape[^2], scaleShape[^1]);
        (blockRows, blockColumns) = block;
        scales = new(() =>
        {
            var values = new float[stored.Count];
            file.ReadFloat32(stored, 0, values);
            return values;
        });
    }

    /// <summary>The scales of a matrix, in blocks of the size that was declared, or that the shapes tell.</summary>
    /// <param name="matrix">The matrix.</param>
    /// <param name="file">Where the scales are.</param>
    /// <param name="stored">The scales.</param>
    /// <param name="declared">Rows and columns of a block, as config.json has them; null where it says nothing.</param>
    /// <returns>Null where the shapes do not fit each other.</returns>
    public static BlockScales? Of(TensorInfo matrix, SafetensorsFile file, TensorInfo stored, (long Rows, long Columns)? declared)
    {
        if (matrix.Shape.Length < 2 || matrix.Count == 0 || stored.Count == 0) return null;
        var (rows, columns) = (matrix.Shape[^2], matrix.Shape[^1]);
        long[] leading = matrix.Shape[..^2];
        long[] shape = stored.Count == 1 ? [.. leading.Select(_ => 1L), 1, 1] : stored.Shape.Length == 1 ? [stored.Shape[0], 1] : stored.Shape;
        if (shape.Length != matrix.Shape.Length || !shape.AsSpan(0, leading.Length).SequenceEqual(leading)) return null;
        var (scaleRows, scaleColumns) = (shape[^2], shape[^1]);
        // One scale each for the whole matrix or for every row needs no size of a block; 128 × 128 is the usual one.
        (long Rows, long Columns)[] candidates = [.. declared is { } size ? [size] : Array.Empty<(long, long)>(), (128, 128), (rows, columns), (1, columns)];
        foreach (var block in candidates)
        {
            if (DivideUp(rows, block.Rows) == scaleRows && DivideUp(columns, block.Columns) == scaleColumns)
                return new(file, stored, matrix.Shape, shape, block);
        }

        // Groups along the rows: one scale for every so many columns.
        return scaleRows == rows && columns % scaleColumns == 0 ? new(file, stored, matrix.Shape, shape, (1, columns / scaleColumns)) : null;
    }

    /// <summary>Multiplies numbers of the matrix by their scales.</summary>
    /// <param name="start">The first one's place in the matrix.</param>
    /// <param name="values">The numbers.</param>
    public void Multiply(long start, Span<float> values)
    {
        while (!values.IsEmpty)
        {
            var (row, column) = Math.DivRem(start, columns);
            var (matrix, inMatrix) = Math.DivRem(row, rows);
            var blockColumn = column / blockColumns;
            var run = values[..(int)Math.Min(values.Length, Math.Min(columns, (blockColumn + 1) * blockColumns) - column)];
            TensorPrimitives.Multiply(run, scales.Value[(((matrix * scaleRows) + (inMatrix / blockRows)) * scaleColumns) + blockColumn], run);
            values = values[run.Length..];
            start += run.Length;
        }
    }

    private static long DivideUp(long number, long divisor) => (number + divisor - 1) / divisor;
}
