using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;
using Bam.Torch.Kernels;

namespace Bam.Models;

/// <summary>
/// Top-k attention experts (BAM, Table 6): queries, attention rows and output projections only for the chosen (token, expert)
/// pairs, keys and values for every token. The gates outside the top k are zero, the others are not renormalised.
/// </summary>
/// <remarks>
/// Each expert's chosen positions are gathered to [B, C], C being the largest count of any sequence; shorter lists are filled up with
/// the first position at a gate of zero.
/// </remarks>
internal static class SparseAttention
{
    /// <summary>The mixture's output.</summary>
    /// <param name="h">[B, T, d].</param>
    /// <param name="gates">[B, T, N], the softmax over all experts.</param>
    /// <param name="qkv">[(N·H + 2·N·G)·D, d], or (N·H + 2·G)·D rows when keys and values are shared.</param>
    /// <param name="norms">Of queries and keys; null for none.</param>
    /// <param name="output">[N·H·D, d], and biases [N·d].</param>
    /// <param name="rotary">At least as many positions as tokens so far.</param>
    /// <param name="config">The model's sizes and k.</param>
    /// <param name="cache">While decoding, the keys and values so far; the new ones are added.</param>
    /// <returns>[B, T, d].</returns>
    public static Tensor Apply(
        Tensor h, Tensor gates, Projection qkv, HeadNorms? norms, Projection output, RotaryTables rotary, ModelConfig config, LayerCache? cache = null)
    {
        using var scope = TensorScope.Open();
        var (batch, length, hidden) = (h.Size(0), h.Size(1), h.Size(2));
        var (experts, queryWidth) = (config.NumAttentionExperts, (long)config.NumAttentionHeads * config.HeadDim);
        var keyValueHeads = (config.ShareKeyValue ? 1 : experts) * config.NumKeyValueHeads;
        var keyValueWidth = (long)keyValueHeads * config.HeadDim;

        var projected = qkv.Rows(experts * queryWidth, 2 * keyValueWidth).Apply(h);
        if (norms is not null) projected = norms.Apply(projected, queryHeads: 0, keyValueHeads, config);
        var keysAndValues = projected.View(batch, length, 2 * keyValueHeads, config.HeadDim).Transpose(1, 2);  // [B, 2·heads, T, D]
        var start = cache?.Start ?? 0;
        var keys = rotary.Apply(keysAndValues.Narrow(1, 0, keyValueHeads), start);
        var values = keysAndValues.Narrow(1, keyValueHeads, keyValueHeads);
        if (cache is not null) (keys, values) = cache.Append(keys, values);  // [B, heads, S, D], S tokens so far

        var tokens = h.Reshape(-1, hidden);     // [B·T, d]
        var flatGates = gates.Reshape(-1, experts);
        var chosen = ChosenPositions(gates, config.NumAttentionExpertsPerTok!.Value);
        var mixed = Tensor.Zeros([batch * length, hidden], h.ScalarType, h.Device);
        for (var expert = 0; expert < experts; expert++)
        {
            var rows = RowsOf(chosen, expert, batch, length, start, h.Device);
            if (rows is null) continue;
            using var expertScope = TensorScope.Open();
            var (index, positions, isChosen) = rows.Value;                                         // [B·C], [B·C], [B·C, 1]
            var count = index.Size(0) / batch;
            var asked = qkv.Rows(expert * queryWidth, queryWidth).Apply(tokens.IndexSelect(0, index));
            if (norms is not null) asked = norms.OfExpert(expert, experts).Apply(asked, config.NumAttentionHeads, keyHeads: 0, config);
            var queries = asked.View(batch, count, config.NumAttentionHeads, config.HeadDim).Transpose(1, 2);     // [B, H, C, D]
            var (cosines, sines) = (AnglesOf(rotary.Cosines), AnglesOf(rotary.Sines));
            var first = config.ShareKeyValue ? 0 : expert * config.NumKeyValueHeads;
            var attended = GroupedAttention.Apply(
                rotary.Apply(queries, cosines, sines).View(batch, config.NumKeyValueHeads, -1, count, config.HeadDim),
                keys.Narrow(1, first, config.NumKeyValueHeads),
                values.Narrow(1, first, config.NumKeyValueHeads),
                GroupedAttention.Hidden(positions.View(batch, count), keys.Size(2), config.SlidingWindow ?? int.MaxValue));              // [B, G, H/G, C, D]
            var heads = attended.View(batch, config.NumAttentionHeads, count, -1).Transpose(1, 2).Reshape(batch * count, queryWidth);
            var gate = flatGates.Narrow(1, expert, 1).IndexSelect(0, index) * isChosen;            // [B·C, 1]
            var contribution = LinearFunction.Apply(heads, output.Weight.Rows(expert * queryWidth, queryWidth), inputFirst: true);
            if (output.Bias is { } bias) contribution += bias.Narrow(0, expert * hidden, hidden).To(contribution.ScalarType);
            mixed = scope.Keep(expertScope.Keep(mixed.IndexAdd(0, index, contribution * gate.To(h.ScalarType))));

            Tensor AnglesOf(Tensor table) => table.IndexSelect(0, positions).View(batch, 1, count, -1);
        }

        return scope.Keep(mixed.View(batch, length, hidden));
    }

    // For each expert and sequence, the positions that chose it, ascending.
    private static List<int>[,] ChosenPositions(Tensor gates, int expertsPerToken)
    {
        using var scope = TensorScope.Open();
        var (batch, length, experts) = ((int)gates.Size(0), (int)gates.Size(1), (int)gates.Size(2));
        var choices = gates.Detach().TopK(expertsPerToken).Indices.ToArray<long>();                // [B, T, k]
        var chosen = new List<int>[experts, batch];
        for (var expert = 0; expert < experts; expert++)
        {
            for (var sequence = 0; sequence < batch; sequence++) chosen[expert, sequence] = [];
        }

        for (var i = 0; i < choices.Length; i++)
        {
            var (sequence, position) = Math.DivRem(i / expertsPerToken, length);
            chosen[choices[i], sequence].Add(position);
        }

        return chosen;
    }

    private static (Tensor Index, Tensor Positions, Tensor IsChosen)? RowsOf(
        List<int>[,] chosen, int expert, long batch, long length, int start, Device device)
    {
        var count = Enumerable.Range(0, (int)batch).Max(sequence => chosen[expert, sequence].Count);
        if (count == 0) return null;
        var (index, positions, isChosen) = (new long[batch * count], new long[batch * count], new float[batch * count]);
        for (var sequence = 0; sequence < batch; sequence++)
        {
            var list = chosen[expert, sequence];
            for (var i = 0; i < count; i++)
            {
                var row = sequence * count + i;
                var token = i < list.Count ? list[i] : 0;
                positions[row] = start + token;
                index[row] = sequence * length + token;
                isChosen[row] = i < list.Count ? 1 : 0;
            }
        }

        return (
            Tensor.From<long>(index, [index.Length], device),
            Tensor.From<long>(positions, [index.Length], device),
            Tensor.From<float>(isChosen, [index.Length, 1], device));
    }
}
