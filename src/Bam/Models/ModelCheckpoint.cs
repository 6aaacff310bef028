using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>Moves parameters between a checkpoint's tensors and a model's arena.</summary>
public static class ModelCheckpoint
{
    /// <summary>Reads a checkpoint directory; weights of any dtype become float32.</summary>
    /// <exception cref="InvalidInputException">The checkpoint is damaged or not what its configuration says.</exception>
    public static LanguageModel Load(string directory, Device device, ScalarType computeType = ScalarType.Float32, bool withGradients = true)
    {
        using var checkpoint = Checkpoint.Open(directory);
        var model = new LanguageModel(checkpoint.Config, device, computeType, withGradients);
        Fill(model, checkpoint);
        return model;
    }

    /// <summary>Reads a checkpoint's parameters into a model of the same sizes; the weights of its router losses may differ.</summary>
    /// <exception cref="InvalidInputException">The checkpoint is damaged or of another model.</exception>
    public static void LoadInto(LanguageModel model, string directory)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var checkpoint = Checkpoint.Open(directory);
        var (config, there) = (model.Config, checkpoint.Config);
        there = there with { RouterAuxLossCoef = config.RouterAuxLossCoef, RouterZLossCoef = config.RouterZLossCoef, TorchDtype = config.TorchDtype };
        if (there != config) throw new InvalidInputException(directory, "the model's sizes", "another config.json", "is it the right checkpoint?");
        Fill(model, checkpoint);
    }

    /// <summary>Writes <c>config.json</c> and <c>model.safetensors</c> into an existing directory, in float32.</summary>
    public static void Save(LanguageModel model, string directory)
    {
        ArgumentNullException.ThrowIfNull(model);
        (model.Config with { TorchDtype = "float32" }).Save(directory);
        SaveTensors(model, Path.Combine(directory, "model.safetensors"), [("", model.Parameters.Values)]);
    }

    /// <summary>Writes buffers laid out as the arena under the checkpoint's names.</summary>
    /// <param name="model">Whose layout it is.</param>
    /// <param name="path">The file.</param>
    /// <param name="buffers">A prefix for the names, and values, [n].</param>
    public static void SaveTensors(LanguageModel model, string path, IReadOnlyList<(string Prefix, Tensor Values)> buffers)
    {
        ArgumentNullException.ThrowIfNull(model);
        var parts = buffers
            .SelectMany(buffer => model.Slices.Select(slice => (Name: buffer.Prefix + slice.Parameter.Name, buffer.Values, Slice: slice)))
            .ToDictionary(part => part.Name);
        SafetensorsWriter.Write(
            path,
            [.. parts.Values.Select(part => new TensorDeclaration(part.Name, TensorDtype.Float32, part.Slice.Parameter.Shape))],
            (tensor, stream) => stream.Write(MemoryMarshal.AsBytes(Read(parts[tensor.Name].Values, parts[tensor.Name].Slice).AsSpan())));
    }

    /// <summary>The values of one of the checkpoint's tensors, row by row.</summary>
    /// <param name="buffer">[n], laid out as the arena.</param>
    /// <param name="slice">Which part.</param>
    public static float[] Read(Tensor buffer, ParameterSlice slice)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentNullException.ThrowIfNull(slice);
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        return Part(buffer, slice).ToArray<float>();
    }

    /// <summary>Sets the values of one of the checkpoint's tensors.</summary>
    /// <param name="buffer">[n], laid out as the arena.</param>
    /// <param name="slice">Which part.</param>
    /// <param name="values">Row by row.</param>
    public static void Write(Tensor buffer, ParameterSlice slice, ReadOnlySpan<float> values)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        ArgumentNullException.ThrowIfNull(slice);
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        Part(buffer, slice).Copy_(Tensor.From(values, slice.Parameter.Shape, buffer.Device));
    }

    private static void Fill(LanguageModel model, Checkpoint checkpoint)
    {
        var buffer = Array.Empty<float>();
        foreach (var slice in model.Slices)
        {
            if (buffer.Length < slice.Count) buffer = new float[slice.Count];
            var values = buffer.AsSpan(0, (int)slice.Count);
            checkpoint.ReadFloat32(slice.Parameter.Name, values);
            Write(model.Parameters.Values, slice, values);
        }
    }

    // The part of the buffer in the checkpoint's own shape.
    private static Tensor Part(Tensor buffer, ParameterSlice slice)
    {
        var part = buffer.Narrow(0, slice.Offset, slice.Count);
        var shape = slice.Parameter.Shape;
        return slice.Transposed ? part.View(shape[1], shape[0]).Transpose(0, 1) : part.View(shape);
    }
}
