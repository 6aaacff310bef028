using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Attention by <see cref="CachedAttentionKernel"/>, for new tokens while decoding: the past keys and values are read where they
/// lie. Builds no graph.
/// </summary>
internal static class AttentionByCachedKernel
{
    /// <summary>As <see cref="Attention.Apply"/> with past tokens, in float32 on the CPU.</summary>
    public static unsafe Tensor Apply(AttentionInput input, RotaryTables rotary, PastTokens past)
    {
        var places = past.Places ?? TokenPlaces.OfSequences(input.Shape.BatchSize, past.Count);
        Arguments.RequireRoom(past.Keys, past.Values, input.Shape, places);
        input.Require(rotary, past.Count);
        rotary.EnsurePositions(places.LastPosition + 1);
        using var scope = TensorScope.Open();
        input = input.Contiguous();
        var output = input.EmptyOutput();
        new CachedAttentionKernel(input.Shape, input.Rows, rotary).Forward(
            input.QueryMatrix, input.KeyValueMatrix, input.GatesPointer,
            (float*)past.Keys.DataPointer, (float*)past.Values.DataPointer, (int)past.Keys.Size(2), places,
            (float*)output.DataPointer);
        return scope.Keep(output);
    }
}
