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
/// position 0 at a gate of zero.
/// </remarks>
internal static class SparseAttention
{
    /// <summary>The mixture's output.</summary>
    /// <param name="h">[B, T, d].</param>
    /// <param name="gates">[B, T, N], the softmax over all experts.</param>
    /// <param name="qkv">[(N·H + 2·N·G)·D, d], or (N·H + 2·G)·D rows when keys and values are shared.</param>
    /// <param name="output">[N·H·D, d].</param>
    /// <param name="rotary">At least T positions.</param>
    /// <param name="config">The model's sizes and k.</param>
    /// <returns>[B, T, d].</returns>
    public static Tensor Apply(Tensor h, Tensor gates, Parameter qkv, Parameter output, RotaryTables rotary, ModelConfig config)
    {
        using var scope = TensorScope.Open();
        var (batch, length, hidden) = (h.Size(0), h.Size(1), h.Size(2));
        var (experts, queryWidth) = (config.NumAttentionExperts, (long)config.NumAttentionHeads * config.HeadDim);
        var keyValueHeads = (config.ShareKeyValue ? 1 : experts) * config.NumKeyValueHeads;
        var keyValueWidth = (long)keyValueHeads * config.HeadDim;

        var keysAndValues = LinearFunction.Apply(h, qkv.Rows(experts * queryWidth, 2 * keyValueWidth))
            .View(batch, length, 2 * keyValueHeads, config.HeadDim).Transpose(1, 2);              // [B, 2·heads, T, D]
        var keys = rotary.Apply(keysAndValues.Narrow(1, 0, keyValueHeads));
        var values = keysAndValues.Narrow(1, keyValueHeads, keyValueHeads);

        var tokens = h.Reshape(-1, hidden);     // [B·T, d]
        var flatGates = gates.Reshape(-1, experts);
        var chosen = ChosenPositions(gates, config.NumAttentionExpertsPerTok!.Value);
        var mixed = Tensor.Zeros([batch * length, hidden], h.ScalarType, h.Device);
        for (var expert = 0; expert < experts; expert++)
        {
            var rows = RowsOf(chosen, expert, batch, length, h.Device);
            if (rows is null) continue;
            using var expertScope = TensorScope.Open();
            var (index, positions, isChosen) = rows.Value;                                         // [B·C], [B·C], [B·C, 1]
            var count = index.Size(0) / batch;
            var queries = LinearFunction.Apply(tokens.IndexSelect(0, index), qkv.Rows(expert * queryWidth, queryWidth))
                .View(batch, count, config.NumAttentionHeads, config.HeadDim).Transpose(1, 2);     // [B, H, C, D]
            var (cosines, sines) = (AnglesOf(rotary.Cosines), AnglesOf(rotary.Sines));
            var start = config.ShareKeyValue ? 0 : expert * config.NumKeyValueHeads;
            var attended = Attend(
                rotary.Apply(queries, cosines, sines),
                OfQueryHeads(keys.Narrow(1, start, config.NumKeyValueHeads), config),
                OfQueryHeads(values.Narrow(1, start, config.NumKeyValueHeads), config),
                positions.View(batch, count));                                                     // [B, H, C, D]
            var heads = attended.Transpose(1, 2).Reshape(batch * count, queryWidth);
            var gate = flatGates.Narrow(1, expert, 1).IndexSelect(0, index) * isChosen;            // [B·C, 1]
            var contribution = LinearFunction.Apply(heads, output.Rows(expert * queryWidth, queryWidth), inputFirst: true);
            mixed = scope.Keep(expertScope.Keep(mixed.IndexAdd(0, index, contribution * gate.To(h.ScalarType))));

            Tensor AnglesOf(Tensor table) => table.IndexSelect(0, positions).View(batch, 1, count, -1);
        }

        return scope.Keep(mixed.View(batch, length, hidden));
    }

    // [B, H, C, D] against all positions up to each query's own.
    private static Tensor Attend(Tensor queries, Tensor keys, Tensor values, Tensor positions)
    {
        using var scope = TensorScope.Open();
        var scores = queries.MatMul(keys.Transpose(2, 3)) * (1 / Math.Sqrt(queries.Size(3)));      // [B, H, C, T]
        var future = Tensor.Arange(keys.Size(2), ScalarType.Int64, queries.Device).View(1, 1, 1, -1)
            .Gt(positions.Unsqueeze(1).Unsqueeze(3));                                              // [B, 1, C, T]
        return scope.Keep(scores.MaskedFill(future, double.NegativeInfinity).Softmax(-1).MatMul(values));
    }

    private static Tensor OfQueryHeads(Tensor heads, ModelConfig config)
    {
        var repeats = config.NumAttentionHeads / config.NumKeyValueHeads;
        return repeats == 1 ? heads : heads.RepeatInterleave(repeats, 1);
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
        List<int>[,] chosen, int expert, long batch, long length, Device device)
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
                positions[row] = i < list.Count ? list[i] : 0;
                index[row] = sequence * length + positions[row];
                isChosen[row] = i < list.Count ? 1 : 0;
            }
        }

        return (
            Tensor.From<long>(index, [index.Length], device),
            Tensor.From<long>(positions, [index.Length], device),
            Tensor.From<float>(isChosen, [index.Length, 1], device));
    }
}
