using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Torch;

namespace Bam.Models;

/// <summary>
/// Where a model that is only read has its matrices. A stack that lies in a file as the model needs it is mapped: in its
/// dtype, without gaps, and not transposed. Others of a narrower dtype have memory of their own. Routers, norms and biases are in
/// the arena, and so is every other stack of float32.
/// </summary>
/// <param name="checkpoint">What the weights are read from.</param>
/// <param name="type">The dtype of the matrices: float32, bfloat16 or float16.</param>
internal sealed class ReadOnlyWeights(Checkpoint checkpoint, ScalarType type)
{
    private readonly Dictionary<string, Tensor> files = [];
    private readonly List<(ParameterStack Stack, Tensor Values)> unread = [];
    private readonly TensorDtype stored = DtypeOf(type);

    /// <summary>
    /// The values of the stacks that are not in the arena. Those that are not mapped are undefined until they are read.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Place(IReadOnlyList<ParameterStack> stacks)
    {
        using var scope = TensorScope.Open();
        var values = new Dictionary<string, Tensor>();
        foreach (var stack in stacks.Where(stack => stack.Parts[0].IsProjection))
        {
            if (Mapped(stack) is { } mapped)
            {
                values.Add(stack.Name, scope.Keep(mapped));
            }
            else if (type != ScalarType.Float32)
            {
                var memory = scope.Keep(Tensor.Empty(stack.Shape, type));
                values.Add(stack.Name, memory);
                unread.Add((stack, memory));
            }
        }

        return values;
    }

    /// <summary>The tensors of the checkpoint that are neither mapped nor in the arena, and the memory of their stacks.</summary>
    public IEnumerable<(ParameterSlice Slice, Tensor Memory)> Unread()
    {
        foreach (var (stack, values) in unread)
        {
            var offset = 0L;
            foreach (var part in stack.Parts)
            {
                yield return (new(part, offset, stack.Transposed), values);
                offset += part.Count;
            }
        }
    }

    /// <summary>The dtype of stored tensors that are kept as they are.</summary>
    public static TensorDtype DtypeOf(ScalarType type) => type switch
    {
        ScalarType.Float32 => TensorDtype.Float32,
        ScalarType.BFloat16 => TensorDtype.BFloat16,
        ScalarType.Float16 => TensorDtype.Float16,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "expected float32, bfloat16 or float16"),
    };

    private Tensor? Mapped(ParameterStack stack)
    {
        if (stack.Transposed) return null;
        var (first, size) = (checkpoint.PlaceOf(stack.Parts[0]), type.ByteSize());
        if (first is null || first.Value.Offset % size != 0) return null;
        var (file, offset) = first.Value;
        foreach (var part in stack.Parts)
        {
            if (!checkpoint.IsStoredAs(stored, part.Name) || checkpoint.PlaceOf(part) != (file, offset)) return null;
            offset += part.Count * size;
        }

        if (!files.TryGetValue(file.Path, out var bytes)) files.Add(file.Path, bytes = Tensor.MapFile(file.Path, file.Length));
        var start = first.Value.Offset;
        return bytes.Narrow(0, start, offset - start).ViewAs(type).View(stack.Shape);
    }
}
