using Bam.Checkpoints;
using Bam.Torch;

namespace Bam.Models;

/// <summary>
/// The one table that maps the checkpoint's tensors to the model's stacks. A block's queries, keys and values of all experts are
/// rows of one matrix; the experts' output projections lie side by side, stored transposed so that each is one contiguous range;
/// a feed-forward expert's gate and up are rows of one matrix. Their biases, and the norms of queries and keys, lie in the same
/// order. All else is a stack of one.
/// </summary>
internal static class ParameterLayout
{
    /// <summary>Every stack, in the arena's order, of the parameters that a process has.</summary>
    public static IReadOnlyList<ParameterStack> Of(ModelConfig config, Func<ParameterInfo, bool> holds) =>
        [.. ParameterTable.Of(config)
            .Where(holds)
            .GroupBy(StackName)
            .Select(group => new ParameterStack(
                group.Key, [.. group], Transposed: group.First() is { Kind: ParameterKind.Output, IsBias: false }))];

    /// <summary>Every parameter of a model in the order in which a checkpoint's file has them.</summary>
    public static IReadOnlyList<ParameterInfo> FileOrder(ModelConfig config) =>
        [.. Of(config, _ => true).SelectMany(stack => stack.Parts)];

    /// <summary>
    /// Where each tensor of the checkpoint lies in an arena of these stacks, in file order; without those that lie elsewhere.
    /// </summary>
    public static IReadOnlyList<ParameterSlice> SlicesOf(IReadOnlyList<ParameterStack> stacks, ParameterArena arena)
    {
        var slices = new List<ParameterSlice>();
        foreach (var stack in stacks)
        {
            var offset = arena.OffsetOf(stack.Name);
            if (offset < 0) continue;
            foreach (var part in stack.Parts)
            {
                slices.Add(new(part, offset, stack.Transposed));
                offset += part.Count;
            }
        }

        return slices;
    }

    /// <summary>The stack of queries, keys and values of a block.</summary>
    public static string Qkv(int layer) => $"model.layers.{layer}.self_attn.qkv";

    /// <summary>The stack of a block's output projections.</summary>
    public static string Output(int layer) => $"model.layers.{layer}.self_attn.output";

    /// <summary>The gate and up of one feed-forward expert.</summary>
    public static string GateUp(int layer, int expert) => $"model.layers.{layer}.mlp.{expert}.gate_up";

    /// <summary>The down projection of one feed-forward expert.</summary>
    public static string Down(int layer, int expert) => $"model.layers.{layer}.mlp.{expert}.down";

    /// <summary>The gate and up projections of the shared expert.</summary>
    public static string SharedGateUp(int layer) => $"model.layers.{layer}.mlp.shared.gate_up";

    /// <summary>The down projection of the shared expert.</summary>
    public static string SharedDown(int layer) => $"model.layers.{layer}.mlp.shared.down";

    /// <summary>The norms of a block's queries, or of its keys.</summary>
    public static string HeadNorm(int layer, ParameterKind kind) =>
        $"model.layers.{layer}.self_attn.{(kind == ParameterKind.QueryNorm ? "q" : "k")}_norm";

    /// <summary>The biases of a stack of matrices.</summary>
    public static string BiasOf(string stack) => $"{stack}.bias";

    private static string StackName(ParameterInfo parameter) =>
        StackOfMatrices(parameter) is not { } stack ? parameter.Name : parameter.IsBias ? BiasOf(stack) : stack;

    private static string? StackOfMatrices(ParameterInfo parameter)
    {
        var expert = Math.Max(0, parameter.Expert);  // a dense feed-forward is its own only expert
        return parameter.Kind switch
        {
            ParameterKind.Query or ParameterKind.Key or ParameterKind.Value => Qkv(parameter.Layer),
            ParameterKind.Output => Output(parameter.Layer),
            ParameterKind.Gate or ParameterKind.Up => GateUp(parameter.Layer, expert),
            ParameterKind.Down => Down(parameter.Layer, expert),
            ParameterKind.SharedGate or ParameterKind.SharedUp => SharedGateUp(parameter.Layer),
            ParameterKind.SharedDown => SharedDown(parameter.Layer),
            ParameterKind.QueryNorm or ParameterKind.KeyNorm => HeadNorm(parameter.Layer, parameter.Kind),
            _ => null,
        };
    }
}

/// <summary>A matrix or vector of the model: checkpoint tensors, one below the other.</summary>
/// <param name="Name">Its name in the arena.</param>
/// <param name="Parts">The checkpoint's tensors, from the first row on.</param>
/// <param name="Transposed">Whether each part is stored transposed.</param>
internal sealed record ParameterStack(string Name, IReadOnlyList<ParameterInfo> Parts, bool Transposed)
{
    /// <summary>[rows, columns], or of vectors [numbers], as the model uses it.</summary>
    public long[] Shape
    {
        get
        {
            if (Parts[0].Shape.Length == 1) return [Parts.Sum(part => part.Count)];
            var (rows, columns) = Transposed ? (1, 0) : (0, 1);
            return [Parts.Sum(part => part.Shape[rows]), Parts[0].Shape[columns]];
        }
    }
}

/// <summary>Where a tensor of the checkpoint lies in the model's arena: always one contiguous range.</summary>
/// <param name="Parameter">Its name and shape in the checkpoint.</param>
/// <param name="Offset">Its first element's place in the arena.</param>
/// <param name="Transposed">Whether the arena holds the matrix transposed.</param>
internal sealed record ParameterSlice(ParameterInfo Parameter, long Offset, bool Transposed)
{
    public long Count => Parameter.Count;

    /// <summary>Matrices are decayed, norms and biases are not.</summary>
    public bool IsMatrix => !Parameter.IsBias && !Parameter.IsNorm;
}
