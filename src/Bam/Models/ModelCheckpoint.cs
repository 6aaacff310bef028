using System.Buffers;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Torch;
using Bam.Torch.Distributed;

namespace Bam.Models;

/// <summary>Moves parameters between a checkpoint's tensors and a model's arena.</summary>
internal static class ModelCheckpoint
{
    /// <summary>The numbers copied at once, unless one row has more: a tensor may be larger than a span.</summary>
    private const int PieceLength = 1 << 22;

    // Of numbers that are rounded, which go through two buffers.
    private const int RoundedPieceLength = 1 << 18;

    /// <summary>Reads numbers of a tensor in a file, from the number <paramref name="start"/> on, row by row.</summary>
    internal delegate void ReadValues(long start, Span<float> values);

    /// <summary>
    /// Reads a checkpoint directory, or BASE+ADAPTER; weights of any dtype become float32. A rank of an expert group reads its
    /// part of the model.
    /// </summary>
    /// <param name="directory">The checkpoint.</param>
    /// <param name="device">Where the model is computed.</param>
    /// <param name="reporter">Warned of what is read otherwise than the user may expect.</param>
    /// <param name="computeType">The dtype of products and activations.</param>
    /// <param name="withGradients">False for a model that is not trained.</param>
    /// <param name="expertGroup">The ranks that share the experts; null for one process.</param>
    /// <param name="weightsType">
    /// Of a model on the CPU that is only read: the dtype of its matrices (<see cref="ReadOnlyWeights"/>), which are mapped where
    /// the file has them so. Null: all weights are copied to the arena.
    /// </param>
    /// <exception cref="InvalidInputException">The checkpoint is damaged or not what its configuration says.</exception>
    public static LanguageModel Load(
        string directory, Device device, IReporter reporter, ScalarType computeType = ScalarType.Float32,
        bool withGradients = true, ProcessGroup? expertGroup = null, ScalarType? weightsType = null)
    {
        using var checkpoint = Checkpoint.Open(directory, reporter);
        return Load(checkpoint, device, computeType, withGradients, expertGroup, weightsType);
    }

    /// <summary>Reads an open checkpoint, with the same options.</summary>
    /// <exception cref="InvalidInputException">The checkpoint is damaged.</exception>
    public static LanguageModel Load(
        Checkpoint checkpoint, Device device, ScalarType computeType = ScalarType.Float32, bool withGradients = true,
        ProcessGroup? expertGroup = null, ScalarType? weightsType = null)
    {
        var weights = weightsType is { } type && device.IsCpu && !withGradients ? new ReadOnlyWeights(checkpoint, type) : null;
        var model = new LanguageModel(
            checkpoint.Config, device, computeType, withGradients, expertGroup, weights is null ? null : weights.Place)
        {
            WeightsType = weightsType ?? ScalarType.Float32,
        };
        Fill(model, checkpoint, weights?.Unread());
        return model;
    }

    /// <summary>Reads a checkpoint's parameters into a model of the same sizes; the router losses' weights may differ.</summary>
    /// <exception cref="InvalidInputException">The checkpoint is damaged or of another model.</exception>
    public static void LoadInto(LanguageModel model, string directory, IReporter reporter)
    {
        using var checkpoint = Checkpoint.Open(directory, reporter);
        var (config, there) = (model.Config, checkpoint.Config);
        there = there with
        {
            RouterAuxLossCoef = config.RouterAuxLossCoef,
            RouterZLossCoef = config.RouterZLossCoef,
            TorchDtype = config.TorchDtype,
        };
        if (there != config)
            throw new InvalidInputException(directory, "the model's sizes", "another config.json", "is it the right checkpoint?");
        Fill(model, checkpoint);
    }

    /// <summary>
    /// Writes <c>config.json</c> and <c>model.safetensors</c> into an existing directory, in float32. All ranks of an expert
    /// group call it; the first one writes.
    /// </summary>
    public static void Save(LanguageModel model, string directory)
    {
        if (model.Experts.Group.Rank == 0) (model.Config with { TorchDtype = "float32" }).Save(directory);
        var slices = model.Slices.ToDictionary(slice => slice.Parameter.Name);
        StoredTensor.Write(
            Path.Combine(directory, WeightSet.SingleFileName),
            [.. ParameterLayout.FileOrder(model.Config).Select(parameter => new StoredTensor(
                parameter.Name, parameter,
                slices.TryGetValue(parameter.Name, out var slice)
                    ? stream => WriteTo(stream, model.Parameters.Values, slice)
                    : null))],
            model.Experts);
    }

    /// <summary>The values of one of the checkpoint's tensors, row by row, from a buffer that is laid out as the arena.</summary>
    public static float[] Read(Tensor buffer, ParameterSlice slice)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        return Part(buffer, slice).ToArray<float>();
    }

    /// <summary>Sets the values of one of the checkpoint's tensors, row by row, in a buffer laid out as the arena.</summary>
    public static void Write(Tensor buffer, ParameterSlice slice, ReadOnlySpan<float> values)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        Part(buffer, slice).Copy_(Tensor.From(values, slice.Parameter.Shape, buffer.Device));
    }

    /// <summary>Writes the values of a checkpoint's tensor as float32, about <paramref name="pieceLength"/> at once.</summary>
    internal static void WriteTo(Stream stream, Tensor buffer, ParameterSlice slice, int pieceLength = PieceLength)
    {
        using var noGrad = NoGrad.Enter();
        foreach (var (row, rows) in Pieces(slice.Parameter.Shape, pieceLength))
        {
            using var scope = TensorScope.Open();
            var piece = Part(buffer, slice).Narrow(0, row, rows).To(Device.Cpu).Contiguous();
            stream.Write(MemoryMarshal.AsBytes(piece.AsSpan<float>()));
        }
    }

    /// <summary>Sets the values of one of the checkpoint's tensors, about <paramref name="pieceLength"/> at once.</summary>
    internal static void ReadInto(ReadValues read, Tensor buffer, ParameterSlice slice, int pieceLength = PieceLength)
    {
        using var noGrad = NoGrad.Enter();
        var shape = slice.Parameter.Shape;
        var columns = slice.Count / shape[0];
        float[] values = [];
        foreach (var (row, rows) in Pieces(shape, pieceLength))
        {
            using var scope = TensorScope.Open();
            var place = Part(buffer, slice).Narrow(0, row, rows);
            if (place.Device.IsCpu && place.ScalarType == ScalarType.Float32 && place.IsContiguous)
            {
                read(row * columns, place.AsSpan<float>());
                continue;
            }

            if (values.Length < rows * columns) values = ArrayPool<float>.Shared.Rent((int)(rows * columns));
            var piece = values.AsSpan(0, (int)(rows * columns));
            read(row * columns, piece);
            place.Copy_(Tensor.From<float>(piece, [rows, .. shape[1..]], buffer.Device));
        }

        if (values.Length > 0) ArrayPool<float>.Shared.Return(values);
    }

    private static IEnumerable<(long Row, long Rows)> Pieces(long[] shape, int pieceLength)
    {
        var rows = Math.Max(1, pieceLength * shape[0] / shape.Aggregate(1L, (product, size) => product * size));
        for (var row = 0L; row < shape[0]; row += rows) yield return (row, Math.Min(rows, shape[0] - row));
    }

    private static void Fill(
        LanguageModel model, Checkpoint checkpoint, IEnumerable<(ParameterSlice Slice, Tensor Memory)>? elsewhere = null)
    {
        var all = model.Slices.Select(slice => (Slice: slice, Memory: model.Parameters.Values)).Concat(elsewhere ?? []);
        var byThreads = all.ToLookup(part => checkpoint.IsUnchanged(part.Slice.Parameter.Name));
        try
        {
            Parallel.ForEach(byThreads[true], Read);
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        // What an adapter changes shares its products.
        foreach (var part in byThreads[false]) Read(part);

        void Read((ParameterSlice Slice, Tensor Memory) part)
        {
            var (slice, memory) = part;
            var (name, dtype) = (slice.Parameter.Name, ReadOnlyWeights.DtypeOf(memory.ScalarType));
            if (dtype == TensorDtype.Float32)
            {
                ReadInto((start, values) => checkpoint.ReadFloat32(name, start, values), memory, slice);
            }
            else if (checkpoint.IsStoredAs(dtype, name) && !slice.Transposed)
            {
                ReadBytes(checkpoint, memory, slice);
            }
            else
            {
                ReadInto(
                    (start, values) => ReadChecked(checkpoint, name, dtype, start, values), memory, slice, RoundedPieceLength);
            }
        }
    }

    // A tensor that has the memory's dtype.
    private static unsafe void ReadBytes(Checkpoint checkpoint, Tensor memory, ParameterSlice slice)
    {
        var size = memory.ScalarType.ByteSize();
        var place = (byte*)memory.DataPointer + slice.Offset * size;
        for (var start = 0L; start < slice.Count; start += PieceLength)
        {
            var count = (int)Math.Min(PieceLength, slice.Count - start);
            checkpoint.ReadBytes(slice.Parameter.Name, start, new Span<byte>(place + start * size, count * size));
        }
    }

    // Numbers that will be rounded to a dtype.
    private static void ReadChecked(Checkpoint checkpoint, string name, TensorDtype dtype, long start, Span<float> values)
    {
        checkpoint.ReadFloat32(name, start, values);
        var index = Narrowing.FirstBeyond(Narrowing.LimitOf(dtype), values);
        if (index >= 0)
        {
            throw new InvalidInputException(
                checkpoint.Describe(name, start + index),
                $"a number that fits {dtype.TorchName} (at most {Narrowing.LargestOf(dtype)})", $"{values[index]}",
                "use --weights-dtype float32");
        }
    }

    // The part of the buffer in the checkpoint's own shape.
    private static Tensor Part(Tensor buffer, ParameterSlice slice)
    {
        var part = buffer.View(-1).Narrow(0, slice.Offset, slice.Count);
        var shape = slice.Parameter.Shape;
        return slice.Transposed ? part.View(shape[1], shape[0]).Transpose(0, 1) : part.View(shape);
    }
}
