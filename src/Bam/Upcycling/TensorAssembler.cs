using System.Numerics.Tensors;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Upcycling;

/// <summary>Makes pieces of tensors from their recipes, a block at a time in buffers that are reused. For one thread.</summary>
/// <remarks>The parameters are those of <see cref="TensorWriter"/>.</remarks>
internal sealed class TensorAssembler(
    IReadOnlyList<Checkpoint> models, TensorDtype dtype, long randomSeed,
    IReadOnlyDictionary<string, float[]>? routers) : IDisposable
{
    /// <summary>Elements that are computed before they are written.</summary>
    private const int BlockLength = 1 << 18;

    /// <summary>Bytes that are copied at a time; they stay in the cache of one core from reading to writing.</summary>
    private const int CopyLength = 1 << 19;

    /// <summary>
    /// Elements that are computed at a time, even; 64 KiB of float32, which stay in the cache of one core from reading to
    /// rounding.
    /// </summary>
    private const int StepLength = 1 << 14;

    private readonly int[] all = [.. Enumerable.Range(0, models.Count)];
    private readonly AlignedBuffer<float> sum = new(StepLength);
    private readonly AlignedBuffer<float> term = new(StepLength);
    private readonly Dictionary<string, float[]> meanRows = [];
    private readonly float limit = Narrowing.LimitOf(dtype);
    private readonly AlignedBuffer<byte> bytes = new(BlockLength * sizeof(double));

    /// <summary>Tells the kernel to start reading the sources of a later piece.</summary>
    public void ReadAhead(TensorPiece piece)
    {
        switch (piece.Tensor.Recipe)
        {
            case TensorRecipe.Copy copy: ReadAhead(models[copy.Model], copy.Name, piece); break;
            case TensorRecipe.Mean mean: ReadAhead(mean.Name, piece); break;
            case TensorRecipe.WeightedMean mean: ReadAhead(mean.Name, piece); break;
            case TensorRecipe.MeanOfRows mean:
                foreach (var (span, start, count) in Parts(mean, piece.Tensor.Parameter, piece.Start, piece.Count))
                {
                    foreach (var model in span.Models) models[model].ReadAhead(mean.Name, start, count);
                }

                break;
        }
    }

    /// <summary>Writes one piece.</summary>
    /// <exception cref="InvalidInputException">A model's file cannot be read, or a number does not fit the dtype.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    public void Write(TensorPiece piece)
    {
        if (piece.Tensor.Recipe is TensorRecipe.Copy copy && models[copy.Model].IsStoredAs(dtype, copy.Name))
        {
            CopyBytes(copy, piece);
            return;
        }

        var random = new RandomStream(randomSeed, piece.Tensor.Parameter.Name);
        random.Skip(piece.Start);
        for (var done = 0; done < piece.Count; done += BlockLength)
        {
            var count = Math.Min(BlockLength, piece.Count - done);
            var block = bytes.Span[..(count * dtype.ByteSize)];
            for (var step = 0; step < count; step += StepLength)
            {
                var values = sum.Span[..Math.Min(StepLength, count - step)];
                Fill(values, piece.Tensor, piece.Start + done + step, ref random);
                if (Narrowing.FirstBeyond(limit, values) is var beyond and >= 0)
                    throw DoesNotFit(piece.Tensor, piece.Start + done + step + beyond, values[beyond]);
                FloatConversion.FromFloat32(values, dtype, block.Slice(step * dtype.ByteSize, values.Length * dtype.ByteSize));
            }

            piece.File.Write(block, piece.Position + ((long)done * dtype.ByteSize));
        }
    }

    public void Dispose()
    {
        sum.Dispose();
        term.Dispose();
        bytes.Dispose();
    }

    private static void ReadAhead(Checkpoint model, string name, TensorPiece piece) =>
        model.ReadAhead(name, piece.Start, piece.Count);

    private void ReadAhead(string name, TensorPiece piece)
    {
        foreach (var model in models) ReadAhead(model, name, piece);
    }

    private void CopyBytes(TensorRecipe.Copy copy, TensorPiece piece)
    {
        var length = (long)piece.Count * dtype.ByteSize;
        for (var copied = 0L; copied < length; copied += CopyLength)
        {
            var block = bytes.Span[..(int)Math.Min(CopyLength, length - copied)];
            models[copy.Model].ReadBytes(copy.Name, piece.Start + copied / dtype.ByteSize, block);
            piece.File.Write(block, piece.Position + copied);
        }
    }

    private void Fill(Span<float> values, PlannedTensor tensor, long start, ref RandomStream random)
    {
        switch (tensor.Recipe)
        {
            case TensorRecipe.Copy copy: models[copy.Model].ReadFloat32(copy.Name, start, values); break;
            case TensorRecipe.Mean mean: Average(mean.Name, all, start, values); break;
            case TensorRecipe.WeightedMean mean: Average(mean.Name, all, mean.Weights, start, values); break;
            case TensorRecipe.MeanOfRows mean: Average(mean, tensor.Parameter, start, values); break;
            case TensorRecipe.Calibrated: routers![tensor.Parameter.Name].AsSpan((int)start, values.Length).CopyTo(values); break;
            case TensorRecipe.Constant constant: values.Fill(constant.Value); break;
            case TensorRecipe.Normal normal: random.FillNormal(values, normal.StandardDeviation); break;
            default: throw new ArgumentOutOfRangeException(nameof(tensor), tensor.Recipe, "an unknown recipe");
        }
    }

    private InvalidInputException DoesNotFit(PlannedTensor tensor, long index, float value)
    {
        var where = tensor.Recipe is TensorRecipe.Copy copy
            ? models[copy.Model].Describe(copy.Name, index)
            : $"the mixture's tensor {tensor.Parameter.Name}{TensorShape.DescribeIndex(tensor.Parameter.Shape, index)}";
        return Narrowing.Fault(where, value, dtype.TorchName, Narrowing.LargestOf(dtype));
    }

    private void Average(TensorRecipe.MeanOfRows mean, ParameterInfo parameter, long start, Span<float> total)
    {
        foreach (var (span, first, count) in Parts(mean, parameter, start, total.Length))
        {
            var part = total.Slice((int)(first - start), count);
            if (span.Models.Count > 0) Average(mean.Name, span, first, part);
            else Repeat(MeanRowOf(mean, parameter), first, part);
        }
    }

    private void Average(string name, RowSpan span, long start, Span<float> total)
    {
        if (span.Weights is { } weights) Average(name, span.Models, weights, start, total);
        else Average(name, span.Models, start, total);
    }

    private static void Repeat(float[] row, long start, Span<float> values)
    {
        for (var i = 0; i < values.Length; i++) values[i] = row[(start + i) % row.Length];
    }

    // The mean of the output's rows that some model has, summed in float64.
    private float[] MeanRowOf(TensorRecipe.MeanOfRows mean, ParameterInfo parameter)
    {
        if (meanRows.TryGetValue(parameter.Name, out var known)) return known;
        var columns = parameter.Count / parameter.Shape[0];
        var (sums, rows) = (new double[columns], 0L);
        var values = new float[StepLength];
        foreach (var span in mean.Spans.Where(span => span.Models.Count > 0))
        {
            rows += span.End - span.Start;
            var end = span.End * columns;
            for (var start = span.Start * columns; start < end; start += values.Length)
            {
                var part = values.AsSpan(0, (int)Math.Min(values.Length, end - start));
                Average(mean.Name, span, start, part);
                for (var i = 0; i < part.Length; i++) sums[(start + i) % columns] += part[i];
            }
        }

        return meanRows[parameter.Name] = Array.ConvertAll(sums, sum => (float)(sum / rows));
    }

    private void Average(string name, IReadOnlyList<int> of, long start, Span<float> total)
    {
        var next = term.Span[..total.Length];
        models[of[0]].ReadFloat32(name, start, total);
        foreach (var model in of.Skip(1))
        {
            models[model].ReadFloat32(name, start, next);
            TensorPrimitives.Add(total, next, total);
        }

        TensorPrimitives.Divide(total, of.Count, total);
        RepairOverflow(name, of, Enumerable.Repeat(1f / of.Count, of.Count), start, total);
    }

    private void Average(string name, IReadOnlyList<int> of, IReadOnlyList<float> weights, long start, Span<float> total)
    {
        var next = term.Span[..total.Length];
        total.Clear();
        for (var i = 0; i < of.Count; i++)
        {
            if (weights[i] == 0) continue;
            models[of[i]].ReadFloat32(name, start, next);
            TensorPrimitives.MultiplyAdd(next, weights[i], total, total);
        }

        RepairOverflow(name, of, weights, start, total);
    }

    // Near the largest float32 a sum overflows where the mean does not: such numbers again, in float64.
    private void RepairOverflow(string name, IReadOnlyList<int> of, IEnumerable<float> weights, long start, Span<float> total)
    {
        if (TensorPrimitives.IsFiniteAll<float>(total)) return;
        var next = term.Span[..total.Length];
        var sums = new double[total.Length];
        foreach (var (model, weight) in of.Zip(weights).Where(pair => pair.Second != 0))
        {
            models[model].ReadFloat32(name, start, next);
            for (var i = 0; i < sums.Length; i++) sums[i] += (double)next[i] * weight;
        }

        for (var i = 0; i < sums.Length; i++)
        {
            if (!float.IsFinite(total[i])) total[i] = (float)sums[i];
        }
    }

    // The spans that a range of elements touches, each with its part of the range.
    private static IEnumerable<(RowSpan Span, long Start, int Count)> Parts(
        TensorRecipe.MeanOfRows mean, ParameterInfo parameter, long start, int count)
    {
        var columns = parameter.Count / parameter.Shape[0];
        foreach (var span in mean.Spans)
        {
            var (first, end) = (Math.Max(start, span.Start * columns), Math.Min(start + count, span.End * columns));
            if (first < end) yield return (span, first, (int)(end - first));
        }
    }
}
