using Bam.Data.Text;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;

namespace Bam.Bench.Routers;

/// <summary>
/// Routers as mergekit-moe makes them (gate_mode hidden and hidden_avg): row e of a block's router is the residual stream that
/// comes into the block, without the norm, at the last token of each prompt (or on the mean over its tokens), on the mean over
/// the prompts, divided by its length. The prompts are the windows of a text.
/// </summary>
internal static class HiddenStates
{
    /// <summary>One router for each block, [experts, d]: of both its branches.</summary>
    public static float[][] Of(
        LanguageModel seed, Tokenizer tokenizer, IReadOnlyList<string> texts, int tokens, int promptLength, bool overTokens)
    {
        var (layers, hidden) = (seed.Config.NumHiddenLayers, seed.Config.HiddenSize);
        var routers = Enumerable.Range(0, layers).Select(_ => new List<float>()).ToArray();
        foreach (var text in texts)
        {
            var ids = Array.ConvertAll(LeadingTokens.Read(text, tokenizer, tokens, SilentReporter.Instance), id => (long)id);
            var blocks = Enumerable.Range(0, layers).Select(_ => new Block(overTokens)).ToArray();
            using var scope = TensorScope.Open();
            seed.Observe(Tensor.From<long>(ids, [ids.Length / promptLength, promptLength]), blocks);
            for (var layer = 0; layer < layers; layer++) routers[layer].AddRange(blocks[layer].Row);
        }

        return [.. routers.Select(rows => rows.ToArray())];
    }

    private sealed class Block(bool overTokens) : IRoutingObserver
    {
        private static readonly Operator s_norm = Operator.Get("aten::linalg_vector_norm");

        public float[] Row { get; private set; } = [];

        public void AddResidual(Tensor x)
        {
            using var scope = TensorScope.Open();
            var prompts = overTokens ? x.Mean(1) : x.Select(1, x.Size(1) - 1);  // [prompts, d]
            var row = prompts.Mean(0);
            Row = (row / s_norm.Call(row)).ToArray<float>();
        }
    }
}
