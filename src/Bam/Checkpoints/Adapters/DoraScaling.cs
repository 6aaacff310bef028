namespace Bam.Checkpoints.Adapters;

/// <summary>
/// DoRA (arXiv 2402.09353): every row of W + s·B·A (every column of an embedding) is scaled to a trained magnitude. Its norm is
/// the root of the sum of squares, added in float64 in ascending order and rounded to float32; the factor is magnitude / norm.
/// </summary>
internal static class DoraScaling
{
    /// <summary>Numbers that are read at a time, in whole rows.</summary>
    private const int BlockLength = 1 << 18;

    /// <summary>Reads numbers of a matrix from a row-major index on.</summary>
    public delegate void ReadNumbers(long start, Span<float> values);

    /// <summary>The factor of each row or column, in float32.</summary>
    public static float[] Factors(float[] magnitudes, float[] norms) =>
        [.. magnitudes.Zip(norms, (magnitude, norm) => magnitude / norm)];

    /// <summary>The norm of every row. Rows are computed by several threads.</summary>
    public static float[] NormsOfRows(long rows, int columns, ReadNumbers read)
    {
        var norms = new float[rows];
        var perBlock = RowsPerBlock(columns);
        Parallel.For(0, (rows + perBlock - 1) / perBlock, block =>
        {
            var first = block * perBlock;
            var numbers = new float[Math.Min(perBlock, rows - first) * columns];
            read(first * columns, numbers);
            for (var row = 0; row * columns < numbers.Length; row++)
            {
                var sum = 0.0;
                foreach (var number in numbers.AsSpan(row * columns, columns)) sum += (double)number * number;
                norms[first + row] = (float)Math.Sqrt(sum);
            }
        });
        return norms;
    }

    /// <summary>The norm of every column.</summary>
    public static float[] NormsOfColumns(long rows, int columns, ReadNumbers read)
    {
        var sums = new double[columns];
        var perBlock = RowsPerBlock(columns);
        var numbers = new float[Math.Min(perBlock, rows) * columns];
        for (var first = 0L; first < rows; first += perBlock)
        {
            var part = numbers.AsSpan(0, (int)Math.Min(perBlock, rows - first) * columns);
            read(first * columns, part);
            for (var i = 0; i < part.Length; i++) sums[i % columns] += (double)part[i] * part[i];
        }

        return Array.ConvertAll(sums, sum => (float)Math.Sqrt(sum));
    }

    private static int RowsPerBlock(int columns) => Math.Max(1, BlockLength / columns);
}
