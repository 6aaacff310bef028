using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Attention of chosen positions in libtorch's own operators: for every device and dtype, for decoding, and the fused kernel's reference.
/// </summary>
/// <remarks>
/// One expert after the other. Its rows of each sequence are gathered to [B, C], C being the most of any sequence; shorter lists are filled
/// up with the expert's first row, whose further results nobody reads.
/// </remarks>
internal static class RoutedAttention
{
    /// <summary>As <see cref="RoutedAttentionFunction.Apply"/>.</summary>
    public static Tensor Apply(Tensor queries, Tensor keysAndValues, QueryRows rows, AttentionShape shape, RotaryTables rotary)
    {
        using var scope = TensorScope.Open();
        var (keys, values) = Heads(keysAndValues, shape, rotary);
        return scope.Keep(Attend(queries, keys, values, rows, shape, rotary));
    }

    /// <summary>Keys and values, head by head.</summary>
    /// <param name="keysAndValues">[B, T, 2·K·D], all key heads and then all value heads, before rotary embedding.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="rotary">At least start + T positions.</param>
    /// <param name="start">The first token's position.</param>
    /// <returns>Two of [B, K, T, D]; the keys are turned.</returns>
    public static (Tensor Keys, Tensor Values) Heads(Tensor keysAndValues, AttentionShape shape, RotaryTables rotary, int start = 0)
    {
        using var scope = TensorScope.Open();
        var heads = keysAndValues.View(shape.BatchSize, shape.Length, 2 * shape.KeyValueHeads, shape.HeadDim).Transpose(1, 2);
        // In their order: else the product of each expert that reads them would keep a copy.
        var keys = RotaryFunction.Apply(heads.Narrow(1, 0, shape.KeyValueHeads), rotary, start).Contiguous();
        return scope.Keep(keys, heads.Narrow(1, shape.KeyValueHeads, shape.KeyValueHeads));
    }

    /// <summary>Attends to keys that are turned.</summary>
    /// <param name="queries">[rows, H·D], before rotary embedding.</param>
    /// <param name="keys">[B, K, S, D], turned.</param>
    /// <param name="values">[B, K, S, D].</param>
    /// <param name="rows">Whose queries they are, of <see cref="QueryRows.Chosen"/>.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="rotary">At least S positions.</param>
    /// <returns>[rows, H·D].</returns>
    public static Tensor Attend(Tensor queries, Tensor keys, Tensor values, QueryRows rows, AttentionShape shape, RotaryTables rotary)
    {
        using var scope = TensorScope.Open();
        var (heads, groups, headDim) = (shape.HeadsPerExpert, shape.KeyValueHeadsPerExpert, shape.HeadDim);
        var (cosines, sines) = rotary.Angles(keys.Size(2));
        var ofExperts = new List<Tensor>();
        for (var expert = 0; expert < shape.Experts; expert++)
        {
            var (slots, positions, places) = Padded(rows, expert, shape, queries.Device);
            if (places.Count == 0) continue;
            var count = positions.Size(1);
            var asking = queries.IndexSelect(0, slots).View(shape.BatchSize, count, heads, headDim).Transpose(1, 2);       // [B, H, C, D]
            var first = shape.KeyValueHeadOf(expert * heads);
            var attended = GroupedAttention.Apply(
                RotaryFunction.Apply(asking, AnglesOf(cosines), AnglesOf(sines), rotary.Interleaved).View(shape.BatchSize, groups, -1, count, headDim),
                keys.Narrow(1, first, groups),
                values.Narrow(1, first, groups),
                GroupedAttention.Hidden(positions, keys.Size(2), shape.Window));                                           // [B, G, H/G, C, D]
            ofExperts.Add(
                attended.View(shape.BatchSize, heads, count, headDim).Transpose(1, 2).Reshape(shape.BatchSize * count, -1).IndexSelect(0, places));

            Tensor AnglesOf(Tensor table) => table.IndexSelect(0, positions.View(-1)).View(shape.BatchSize, 1, count, -1);
        }

        return scope.Keep(Tensor.Cat([.. ofExperts]));
    }

    // [B·C] the row in each slot, [B, C] its position, and [rows of the expert] the slot of each row.
    private static (Tensor Slots, Tensor Positions, Tensor Places) Padded(QueryRows rows, int expert, AttentionShape shape, Device device)
    {
        var parts = Enumerable.Range(0, shape.BatchSize).Select(sequence => rows.Of(sequence, expert * shape.HeadsPerExpert)).ToArray();
        var widest = parts.Max(part => part.Count);
        var (slots, positions, places) = (new long[parts.Length * widest], new long[parts.Length * widest], new List<long>());
        for (var slot = 0; slot < slots.Length; slot++)
        {
            var (sequence, i) = Math.DivRem(slot, widest);
            var isUsed = i < parts[sequence].Count;
            var row = isUsed ? parts[sequence].First + i : parts[0].First;
            (slots[slot], positions[slot]) = (row, rows.Position(row));
            if (isUsed) places.Add(slot);
        }

        return (
            Tensor.From<long>(slots, [slots.Length], device),
            Tensor.From<long>(positions, [parts.Length, widest], device),
            Tensor.From<long>([.. places], [places.Count], device));
    }
}
