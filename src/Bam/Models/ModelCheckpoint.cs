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

    /// <summary>Reads numbers of a tensor in a file, from the number <paramref name="start"/> on, row by row.</summary>
    internal delegate void ReadValues(long start, Span<float> values);

    /// <summary>
    /// Reads a checkpoint directory, or BASE+ADAPTER; weights of any dtype become float32. A rank of an expert group reads its
    /// part of the model.
    /// </summary>
    /// <exception cref="InvalidInputException">The checkpoint is damaged or not what its configuration says.</exception>
    public static LanguageModel Load(
        string directory, Device device, IReporter reporter, ScalarType computeType = ScalarType.Float32,
        bool withGradients = true, ProcessGroup? expertGroup = null)
    {
        using var checkpoint = Checkpoint.Open(directory, reporter);
        var model = new LanguageModel(checkpoint.Config, device, computeType, withGradients, expertGroup);
        Fill(model, checkpoint);
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
        var values = Array.Empty<float>();
        foreach (var (row, rows) in Pieces(shape, pieceLength))
        {
            using var scope = TensorScope.Open();
            var place = Part(buffer, slice).Narrow(0, row, rows);
            if (place.Device.IsCpu && place.ScalarType == ScalarType.Float32 && place.IsContiguous)
            {
                read(row * columns, place.AsSpan<float>());
                continue;
            }

            if (values.Length < rows * columns) values = new float[rows * columns];
            var piece = values.AsSpan(0, (int)(rows * columns));
            read(row * columns, piece);
            place.Copy_(Tensor.From<float>(piece, [rows, .. shape[1..]], buffer.Device));
        }
    }

    private static IEnumerable<(long Row, long Rows)> Pieces(long[] shape, int pieceLength)
    {
        var rows = Math.Max(1, pieceLength * shape[0] / shape.Aggregate(1L, (product, size) => product * size));
        for (var row = 0L; row < shape[0]; row += rows) yield return (row, Math.Min(rows, shape[0] - row));
    }

    private static void Fill(LanguageModel model, Checkpoint checkpoint)
    {
        var byThreads = model.Slices.ToLookup(slice => checkpoint.IsUnchanged(slice.Parameter.Name));
        try
        {
            Parallel.ForEach(byThreads[true], Read);
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }

        // What an adapter changes shares its products.
        foreach (var slice in byThreads[false]) Read(slice);

        void Read(ParameterSlice slice) => ReadInto(
            (start, values) => checkpoint.ReadFloat32(slice.Parameter.Name, start, values), model.Parameters.Values, slice);
    }

    // The part of the buffer in the checkpoint's own shape.
    private static Tensor Part(Tensor buffer, ParameterSlice slice)
    {
        var part = buffer.Narrow(0, slice.Offset, slice.Count);
        var shape = slice.Parameter.Shape;
        return slice.Transposed ? part.View(shape[1], shape[0]).Transpose(0, 1) : part.View(shape);
    }
}
