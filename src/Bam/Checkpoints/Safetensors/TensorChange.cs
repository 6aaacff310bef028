using System.Numerics.Tensors;

namespace Bam.Checkpoints.Safetensors;

/// <summary>A change of a stored tensor's numbers, made in float32 while they are read. Several threads may use it.</summary>
internal abstract class TensorChange
{
    /// <summary>Changes a range of the tensor, whose first number has the row-major index <paramref name="start"/>.</summary>
    /// <exception cref="InvalidInputException">The factors of the change cannot be read.</exception>
    public abstract void Apply(long start, Span<float> values);
}

/// <summary>
/// Adds a product of low rank: number [i, j] becomes w + s·t with t = (l[i, 0]·r[0, j] + l[i, 1]·r[1, j]) + l[i, 2]·r[2, j] …,
/// every product and every sum rounded to float32.
/// </summary>
/// <param name="columns">Of the tensor; 1 for a vector.</param>
/// <param name="rank">The columns of l and the rows of r.</param>
/// <param name="scale">s.</param>
/// <param name="factors">l and r, which are read where they are not held.</param>
internal sealed class LowRankChange(int columns, int rank, float scale, Func<LowRankFactors> factors) : TensorChange
{
    /// <summary>Sums that are held at a time, on the stack.</summary>
    private const int BlockLength = 1 << 11;

    public override void Apply(long start, Span<float> values)
    {
        var (left, right) = factors();
        Span<float> sums = stackalloc float[Math.Min(BlockLength, values.Length)];
        while (!values.IsEmpty)
        {
            var (row, column) = Math.DivRem(start, columns);
            var count = (int)Math.Min(Math.Min(values.Length, sums.Length), columns - column);
            var sum = sums[..count];
            var part = values[..count];
            sum.Clear();
            for (var k = 0; k < rank; k++)
            {
                TensorPrimitives.MultiplyAdd(
                    right.AsSpan((k * columns) + (int)column, count), left[(row * rank) + k], sum, sum);
            }

            TensorPrimitives.MultiplyAdd(sum, scale, part, part);
            values = values[count..];
            start += count;
        }
    }
}

/// <summary>The factors of a product of low rank.</summary>
/// <param name="Left">[rows, rank].</param>
/// <param name="Right">[rank, columns].</param>
internal sealed record LowRankFactors(float[] Left, float[] Right);

/// <summary>Multiplies every row, or every column, by its own number.</summary>
internal sealed class ScalingChange(int columns, bool byColumn, Func<float[]> factors) : TensorChange
{
    private readonly Lazy<float[]> factors = new(factors);

    public override void Apply(long start, Span<float> values)
    {
        while (!values.IsEmpty)
        {
            var (row, column) = Math.DivRem(start, columns);
            var part = values[..(int)Math.Min(values.Length, columns - column)];
            if (byColumn) TensorPrimitives.Multiply(part, factors.Value.AsSpan((int)column, part.Length), part);
            else TensorPrimitives.Multiply(part, factors.Value[row], part);
            values = values[part.Length..];
            start += part.Length;
        }
    }
}
