using Bam.Checkpoints;

namespace Bam.Models;

/// <summary>
/// The one table that maps the checkpoint's tensors to the model's stacks. A block's queries, keys and values of all experts are
/// rows of one matrix; the experts' output projections lie side by side, stored transposed so that each is one contiguous range;
/// a feed-forward expert's gate and up are rows of one matrix. Their biases, and the norms of queries and keys, lie in the same order. All
/// else is a stack of one.
/// </summary>
internal static class ParameterLayout
{
    /// <summary>Every stack, in the arena's order.</summary>
    public static IReadOnlyList<ParameterStack> Of(ModelConfig config) =>
        [.. ParameterTable.Of(config)
            .GroupBy(StackName)
            .Select(group => new ParameterStack(group.Key, [.. group], Transposed: group.First() is { Kind: ParameterKind.Output, IsBias: false }))];

    /// <summary>The stack of queries, keys and values of a block.</summary>
    public static string Qkv(int layer) => $"model.layers.{layer}.self_attn.qkv";

    /// <summary>The stack of a block's output projections.</summary>
    public static string Output(int layer) => $"model.layers.{layer}.self_attn.output";

    /// <summary>The gate and up of one feed-forward expert.</summary>
    public static string GateUp(int layer, int expert) => $"model.layers.{layer}.mlp.{expert}.gate_up";

    /// <summary>The down projection of one feed-forward expert.</summary>
    public static string Down(int layer, int expert) => $"model.layers.{layer}.mlp.{expert}.down";

    /// <summary>The norms of a block's queries, or of its keys.</summary>
    public static string HeadNorm(int layer, ParameterKind kind) => $"model.layers.{layer}.self_attn.{(kind == ParameterKind.QueryNorm ? "q" : "k")}_norm";

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
            ParameterKind.QueryNorm or ParameterKind.KeyNorm => HeadNorm(parameter.Layer, parameter.Kind),
            _ => null,
        };
    }
}
