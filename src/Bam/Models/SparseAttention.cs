using Bam.Checkpoints;
using Bam.Torch;
using Bam.Torch.Functions;
using Bam.Torch.Kernels;

namespace Bam.Models;

/// <summary>
/// Top-k attention experts (BAM, Table 6): queries, attention rows and output projections only for the chosen (token, expert)
/// pairs, keys and values for every token. The gates outside the top k are zero, the others are not renormalised.
/// </summary>
internal static class SparseAttention
{
    /// <summary>The mixture's output.</summary>
    /// <param name="h">[B, T, d].</param>
    /// <param name="gates">[B, T, N], the softmax over all experts.</param>
    /// <param name="qkv">[(N·H + 2·N·G)·D, d], or (N·H + 2·G)·D rows when keys and values are shared.</param>
    /// <param name="norms">Of queries and keys; null for none.</param>
    /// <param name="output">[N·H·D, d], and biases [N·d].</param>
    /// <param name="shape">The heads.</param>
    /// <param name="rotary">At least as many positions as tokens so far.</param>
    /// <param name="config">The model's sizes and k.</param>
    /// <param name="cache">While decoding, the keys and values so far; the new ones are added.</param>
    /// <returns>[B, T, d].</returns>
    public static Tensor Apply(
        Tensor h, Tensor gates, Projection qkv, HeadNorms? norms, Projection output, AttentionShape shape, RotaryTables rotary, ModelConfig config,
        LayerCache? cache = null)
    {
        using var scope = TensorScope.Open();
        var (hidden, queryWidth) = (h.Size(2), (long)shape.HeadsPerExpert * shape.HeadDim);
        var (weights, chosen) = gates.View(-1, shape.Experts).TopK(config.NumAttentionExpertsPerTok!.Value);  // [B·T, k] each
        var choices = chosen.ToArray<long>();
        var dispatch = ExpertDispatch.Sort(choices, shape.Experts, (int)chosen.Size(1), h.Device);

        var queries = dispatch.Map(dispatch.Gather(h.Reshape(-1, hidden)), Queries);                          // [B·T·k, H·D], by expert
        var keysAndValues = qkv.Rows(shape.Experts * queryWidth, 2L * shape.KeyValueHeads * shape.HeadDim).Apply(h);
        if (norms is not null) keysAndValues = norms.Apply(keysAndValues, queryHeads: 0, shape.KeyValueHeads, config);
        var rows = QueryRows.Chosen(shape, choices, cache?.Start ?? 0);
        var heads = cache is null                                                                             // [B·T·k, H·D]
            ? RoutedAttentionFunction.Apply(queries, keysAndValues, rows, shape, rotary)
            : CachedRoutedAttention.Apply(queries, keysAndValues, rows, shape, rotary, cache.Keys, cache.Values, cache.Start);
        return scope.Keep(dispatch.Combine(dispatch.Map(heads, Output), weights.To(h.ScalarType)).View(h.Shape));

        Tensor Queries(Tensor tokens, int expert)
        {
            var projected = qkv.Rows(expert * queryWidth, queryWidth).Apply(tokens);
            return norms?.OfExpert(expert, shape.Experts).Apply(projected, shape.HeadsPerExpert, keyHeads: 0, config) ?? projected;
        }

        Tensor Output(Tensor heads, int expert)
        {
            var mixed = LinearFunction.Apply(heads, output.Weight.Rows(expert * queryWidth, queryWidth), inputFirst: true);
            return output.Bias is { } bias ? mixed + bias.Narrow(0, expert * hidden, hidden).To(mixed.ScalarType) : mixed;
        }
    }
}
