using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Torch;
using Bam.Torch.Functions;

namespace Bam.Models;

/// <summary>
/// One forward pass of a checkpoint over given token ids, written as safetensors: logits, the loss and its parts, and on request
/// the gradient of every parameter. All in float32.
/// </summary>
internal static class ForwardPass
{
    /// <summary>The tensor of the input file.</summary>
    public const string InputIds = "input_ids";

    /// <summary>Reads <c>input_ids</c> [B, T], computes, writes.</summary>
    /// <param name="modelDirectory">A checkpoint.</param>
    /// <param name="inputPath">A safetensors file with int64 <c>input_ids</c> [B, T]; other tensors are ignored.</param>
    /// <param name="outputPath">Receives <c>logits [B,T,V], nll [1], load_balancing [L], z [L], loss [1]</c> and, with gradients,
    /// <c>grad.NAME</c> for every parameter. The likelihood is the mean over the B·(T-1) predictions inside the input.</param>
    /// <param name="withGradients">Whether the gradients are written.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="reporter">Warned of what is read otherwise than the user may expect.</param>
    /// <exception cref="InvalidInputException">A file is damaged, or the ids do not fit the model.</exception>
    public static void Run(
        string modelDirectory, string inputPath, string outputPath, bool withGradients, Device device, IReporter reporter)
    {
        OutputPath.RequireFile(
            outputPath, "an earlier output to replace", IsOutput, [.. ModelPath.Of(modelDirectory).Directories, inputPath]);
        var (ids, batch, length) = ReadInput(inputPath);
        using var scope = TensorScope.Open();
        using var model = ModelCheckpoint.Load(modelDirectory, device, reporter, withGradients: withGradients);
        RequireFit(ids, length, model.Config, inputPath);
        var input = Tensor.From<long>(ids, [batch, length], device);
        var targets = Tensor.From<long>(NextTokens(ids, length), [batch, length], device);

        var tensors = new List<(string Name, long[] Shape, ReadOnlyMemory<float> Values)>();
        using (NoGrad.Enter()) Add("logits", model.Logits(input));
        var loss = model.Loss(input, targets);
        Add("nll", loss.Nll.View(1));
        Add("load_balancing", loss.LoadBalancing);
        Add("z", loss.RouterZ);
        Add("loss", loss.Total.Detach().View(1));
        if (withGradients)
        {
            loss.Backward();
            foreach (var slice in model.Slices)
            {
                var gradient = ModelCheckpoint.Read(model.Parameters.Gradients, slice);
                tensors.Add(($"grad.{slice.Parameter.Name}", slice.Parameter.Shape, gradient));
            }
        }

        SafetensorsWriter.WriteFloat32(outputPath, tensors);

        void Add(string name, Tensor tensor) => tensors.Add((name, tensor.Shape.ToArray(), tensor.ToArray<float>()));
    }

    private static bool IsOutput(string path)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            return ((string[])["logits", "nll", "load_balancing", "z", "loss"]).All(file.Tensors.ContainsKey);
        }
        catch (InvalidInputException)
        {
            return false;
        }
    }

    private static (long[] Ids, long Batch, long Length) ReadInput(string path)
    {
        using var file = SafetensorsFile.Open(path);
        if (!file.Tensors.TryGetValue(InputIds, out var info))
            throw new InvalidInputException(
                path, $"a tensor '{InputIds}'", $"{file.Tensors.Count} tensors without it",
                "store the token ids under that name");
        if (info.Dtype != TensorDtype.Int64 || info.Shape is not [> 0, > 1])
        {
            throw new InvalidInputException(
                $"{path}: {InputIds}", "int64 [B, T] with T of at least 2", $"{info.Dtype} [{string.Join(", ", info.Shape)}]",
                "store the token ids so");
        }

        return (file.ReadInt64(InputIds), info.Shape[0], info.Shape[1]);
    }

    private static void RequireFit(long[] ids, long length, ModelConfig config, string path)
    {
        var index = Array.FindIndex(ids, id => id < 0 || id >= config.VocabSize);
        if (index >= 0)
        {
            throw new InvalidInputException(
                $"{path}: {InputIds}[{index / length}, {index % length}]",
                $"an id from 0 to {config.VocabSize - 1} (vocab_size)", $"{ids[index]}", "use the model's own tokenizer");
        }

        if (length > config.LongestInput)
        {
            throw new InvalidInputException(
                $"{path}: {InputIds}", $"at most {config.LongestInput} positions (max_position_embeddings)",
                $"{length}", "shorten the input");
        }
    }

    // The last position of each sequence has no successor inside the input.
    private static long[] NextTokens(long[] ids, long length) =>
        [.. ids.Select((_, i) => (i + 1) % length == 0 ? LinearCrossEntropyFunction.IgnoreIndex : ids[i + 1])];
}
