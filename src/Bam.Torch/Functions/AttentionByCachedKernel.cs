using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Attention by <see cref="CachedAttentionKernel"/>, for one new token of each sequence while decoding: the past keys and values
/// are read once, where they lie. Builds no graph.
/// </summary>
internal static class AttentionByCachedKernel
{
    /// <summary>As <see cref="Attention.Apply"/> with past tokens, in float32 on the CPU.</summary>
    public static unsafe Tensor Apply(AttentionInput input, RotaryTables rotary, PastTokens past)
    {
        Arguments.RequireRoom(past.Keys, past.Values, input.Shape, past.Count);
        input.Require(rotary, past.Count);
        using var scope = TensorScope.Open();
        input = input.Contiguous();
        var output = input.EmptyOutput();
        new CachedAttentionKernel(input.Shape, input.Rows, rotary).Forward(
            input.QueryMatrix, input.KeyValueMatrix, input.GatesPointer,
            (float*)past.Keys.DataPointer, (float*)past.Values.DataPointer, (int)past.Keys.Size(2), past.Count,
            (float*)output.DataPointer);
        return scope.Keep(output);
    }
}
