using System.Globalization;
using System.Numerics.Tensors;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// The scales of a matrix in eight bits, one for each block of rows and columns: a number of the matrix is its float8 times its
/// block's scale, whatever the scales are called ("weight_scale_inv" is a factor too). In front of rows and columns there may be
/// one more dimension, the experts.
/// </summary>
internal sealed class BlockScales
{
    /// <summary>No float8 has a larger finite magnitude: E5M2's, above the 448 of E4M3.</summary>
    private const float LargestFloat8 = 57_344;

    private readonly string path;
    private readonly TensorInfo matrix;
    private readonly string scalePath;
    private readonly TensorInfo stored;
    private readonly long rows;
    private readonly long columns;
    private readonly long scaleRows;
    private readonly long scaleColumns;
    private readonly long blockRows;
    private readonly long blockColumns;
    private readonly Lazy<(float[] Values, bool AllFit)> scales;

    private BlockScales(
        string path, TensorInfo matrix, SafetensorsFile file, TensorInfo stored, long[] scaleShape,
        (long Rows, long Columns) block)
    {
        (this.path, this.matrix, scalePath, this.stored) = (path, matrix, file.Path, stored);
        (rows, columns) = (matrix.Shape[^2], matrix.Shape[^1]);
        (scaleRows, scaleColumns) = (scaleShape[^2], scaleShape[^1]);
        (blockRows, blockColumns) = block;
        scales = new(() =>
        {
            var values = new float[stored.Count];
            file.ReadFloat32(stored, 0, values);
            // MaxMagnitude returns NaN where there is one.
            return (values, float.IsFinite(TensorPrimitives.MaxMagnitude<float>(values) * LargestFloat8));
        });
    }

    /// <summary>The scales of a matrix, in blocks (rows, columns) that config.json declares or that fit the shapes.</summary>
    /// <returns>Null where the shapes do not fit each other.</returns>
    public static BlockScales? Of(
        string path, TensorInfo matrix, SafetensorsFile file, TensorInfo stored, (long Rows, long Columns)? declared)
    {
        if (matrix.Shape.Length < 2 || matrix.Count == 0 || stored.Count == 0) return null;
        var (rows, columns) = (matrix.Shape[^2], matrix.Shape[^1]);
        long[] leading = matrix.Shape[..^2];
        long[] shape = stored.Count == 1 ? [.. leading.Select(_ => 1L), 1, 1]
            : stored.Shape.Length == 1 ? [stored.Shape[0], 1]
            : stored.Shape;
        if (shape.Length != matrix.Shape.Length || !shape.AsSpan(0, leading.Length).SequenceEqual(leading)) return null;
        var (scaleRows, scaleColumns) = (shape[^2], shape[^1]);
        // One scale each for the whole matrix or for every row needs no size of a block; 128 × 128 is the usual one.
        (long Rows, long Columns)[] candidates =
        [
            .. declared is { } size ? [size] : Array.Empty<(long, long)>(), (128, 128), (rows, columns), (1, columns),
        ];
        foreach (var block in candidates)
        {
            if (DivideUp(rows, block.Rows) == scaleRows && DivideUp(columns, block.Columns) == scaleColumns)
                return new(path, matrix, file, stored, shape, block);
        }

        // Groups along the rows: one scale for every so many columns.
        return scaleRows == rows && columns % scaleColumns == 0
            ? new(path, matrix, file, stored, shape, (1, columns / scaleColumns))
            : null;
    }

    /// <summary>Multiplies numbers of the matrix, from a row-major index on, by their scales.</summary>
    /// <exception cref="InvalidInputException">A scale is not finite, or a product exceeds float32.</exception>
    public void Multiply(long start, Span<float> values)
    {
        var (factors, allFit) = scales.Value;
        while (!values.IsEmpty)
        {
            var (row, column) = Math.DivRem(start, columns);
            var (matrixNumber, inMatrix) = Math.DivRem(row, rows);
            var blockColumn = column / blockColumns;
            var run = values[..(int)Math.Min(values.Length, Math.Min(columns, (blockColumn + 1) * blockColumns) - column)];
            var scale = (((matrixNumber * scaleRows) + (inMatrix / blockRows)) * scaleColumns) + blockColumn;
            if (!allFit) RequireFits(start, run, scale, factors[scale]);
            TensorPrimitives.Multiply(run, factors[scale], run);
            values = values[run.Length..];
            start += run.Length;
        }
    }

    // Infinity and NaN of the matrix itself are read as in every other dtype.
    private void RequireFits(long start, ReadOnlySpan<float> run, long place, float scale)
    {
        var scaleName = $"{stored.Name}{(stored.Shape.Length == 0 ? "" : TensorShape.DescribeIndex(stored.Shape, place))}";
        if (!float.IsFinite(scale))
        {
            throw new InvalidInputException(
                $"{scalePath}: tensor {scaleName}", "a finite scale", scale.ToString(CultureInfo.InvariantCulture),
                $"the file is damaged; copy it again, or {QuantizedWeights.UseTheFloatModel}");
        }

        for (var i = 0; i < run.Length; i++)
        {
            if (!float.IsFinite(run[i]) || float.IsFinite(run[i] * scale)) continue;
            throw new InvalidInputException(
                $"{path}: tensor {matrix.Name}{TensorShape.DescribeIndex(matrix.Shape, start + i)}",
                string.Create(CultureInfo.InvariantCulture, $"a product of at most {float.MaxValue}"),
                string.Create(CultureInfo.InvariantCulture, $"{run[i]} × {scale} ({scaleName})"),
                $"the scales are damaged or those of another copy; copy both again, or {QuantizedWeights.UseTheFloatModel}");
        }
    }

    private static long DivideUp(long number, long divisor) => (number + divisor - 1) / divisor;
}
