using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Numerics;

namespace Bam.Upcycling;

/// <summary>Makes one tensor after the other from its recipe, a buffer at a time: memory does not grow with the model.</summary>
/// <param name="sources">The models.</param>
/// <param name="dtype">The output's dtype.</param>
/// <param name="routerSeed">The seed of the routers' random numbers.</param>
internal sealed class TensorAssembler(MixtureSources sources, TensorDtype dtype, long routerSeed)
{
    /// <summary>Elements at a time; 4 MiB of float32.</summary>
    private const int BufferLength = 1 << 20;

    private readonly float[] sum = new float[BufferLength];
    private readonly float[] term = new float[BufferLength];
    private readonly byte[] bytes = new byte[BufferLength * sizeof(double)];

    /// <summary>Writes one tensor's bytes.</summary>
    /// <param name="tensor">What to make.</param>
    /// <param name="output">Receives exactly its bytes.</param>
    /// <param name="advance">Called with the bytes of each piece written; may throw to stop.</param>
    public void Write(PlannedTensor tensor, Stream output, Action<long> advance)
    {
        switch (tensor.Recipe)
        {
            case TensorRecipe.Copy copy when sources.Models[copy.Model].Dtype == dtype: CopyBytes(copy, output, advance); break;
            case TensorRecipe.Copy copy: Convert(copy, output, advance); break;
            case TensorRecipe.Mean mean: Average(mean, tensor.Parameter.Count, output, advance); break;
            case TensorRecipe.WeightedMean mean: Average(mean, tensor.Parameter.Count, output, advance); break;
            case TensorRecipe.Normal normal: Draw(tensor.Parameter, normal, output, advance); break;
            default: throw new ArgumentOutOfRangeException(nameof(tensor), tensor.Recipe, "an unknown recipe");
        }
    }

    private void CopyBytes(TensorRecipe.Copy copy, Stream output, Action<long> advance)
    {
        var model = sources.Models[copy.Model];
        var length = model.Tensors[copy.Name].ByteLength;
        for (var position = 0L; position < length; position += bytes.Length)
        {
            var piece = bytes.AsSpan(0, (int)Math.Min(bytes.Length, length - position));
            model.ReadBytes(copy.Name, position, piece);
            output.Write(piece);
            advance(piece.Length);
        }
    }

    private void Convert(TensorRecipe.Copy copy, Stream output, Action<long> advance)
    {
        var model = sources.Models[copy.Model];
        var count = model.Tensors[copy.Name].Count;
        for (var start = 0L; start < count; start += BufferLength)
        {
            var piece = sum.AsSpan(0, (int)Math.Min(BufferLength, count - start));
            model.ReadFloat32(copy.Name, start, piece);
            WriteRounded(piece, output, advance);
        }
    }

    private void Average(TensorRecipe.Mean mean, long count, Stream output, Action<long> advance)
    {
        for (var start = 0L; start < count; start += BufferLength)
        {
            var total = sum.AsSpan(0, (int)Math.Min(BufferLength, count - start));
            var next = term.AsSpan(0, total.Length);
            sources.Models[0].ReadFloat32(mean.Name, start, total);
            foreach (var model in sources.Models.Skip(1))
            {
                model.ReadFloat32(mean.Name, start, next);
                TensorPrimitives.Add(total, next, total);
            }

            TensorPrimitives.Divide(total, sources.Models.Count, total);
            WriteRounded(total, output, advance);
        }
    }

    private void Average(TensorRecipe.WeightedMean mean, long count, Stream output, Action<long> advance)
    {
        for (var start = 0L; start < count; start += BufferLength)
        {
            var total = sum.AsSpan(0, (int)Math.Min(BufferLength, count - start));
            var next = term.AsSpan(0, total.Length);
            total.Clear();
            for (var model = 0; model < sources.Models.Count; model++)
            {
                sources.Models[model].ReadFloat32(mean.Name, start, next);
                TensorPrimitives.MultiplyAdd(next, mean.Weights[model], total, total);
            }

            WriteRounded(total, output, advance);
        }
    }

    private void Draw(ParameterInfo parameter, TensorRecipe.Normal normal, Stream output, Action<long> advance)
    {
        var values = new float[parameter.Count];
        new RandomStream(routerSeed, parameter.Name).FillNormal(values, normal.StandardDeviation);
        for (var start = 0; start < values.Length; start += BufferLength)
            WriteRounded(values.AsSpan(start, Math.Min(BufferLength, values.Length - start)), output, advance);
    }

    private void WriteRounded(ReadOnlySpan<float> values, Stream output, Action<long> advance)
    {
        var piece = dtype == TensorDtype.Float32 ? MemoryMarshal.AsBytes(values) : Round(values);
        output.Write(piece);
        advance(piece.Length);
    }

    private ReadOnlySpan<byte> Round(ReadOnlySpan<float> values)
    {
        var piece = bytes.AsSpan(0, values.Length * dtype.ByteSize);
        FloatConversion.FromFloat32(values, dtype, piece);
        return piece;
    }
}
