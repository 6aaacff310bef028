using System.Globalization;

namespace Bam.Checkpoints.Families;

/// <summary>Mixtral (arXiv 2401.04088): Mistral with feed-forward experts, whose k weights are divided by their sum.</summary>
internal static class MixtralFamily
{
    private const string Layer = "model.layers.{layer}.";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "mixtral",
        Read = Read,
        Buffers = LlamaFamily.Buffers,
        Harmless = new Dictionary<string, string> { ["norm_topk_prob"] = "true" },
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                [$"{Layer}mlp.router"] = new ModuleSource.Module($"{Layer}block_sparse_moe.gate"),
                [$"{Layer}mlp.experts.{{expert}}.gate_proj"] = new ModuleSource.Module(
                    $"{Layer}block_sparse_moe.experts.{{expert}}.w1"),
                [$"{Layer}mlp.experts.{{expert}}.up_proj"] = new ModuleSource.Module(
                    $"{Layer}block_sparse_moe.experts.{{expert}}.w3"),
                [$"{Layer}mlp.experts.{{expert}}.down_proj"] = new ModuleSource.Module(
                    $"{Layer}block_sparse_moe.experts.{{expert}}.w2"),
            },
            // All experts in one tensor, as transformers 5 holds them in memory.
            new Dictionary<string, ModuleSource>
            {
                [$"{Layer}mlp.router"] = new ModuleSource.Module($"{Layer}mlp.gate"),
                [$"{Layer}mlp.experts.{{expert}}.gate_proj"] = new ModuleSource.PartOfExperts(
                    $"{Layer}mlp.experts.gate_up_proj", Part: 0, Parts: 2),
                [$"{Layer}mlp.experts.{{expert}}.up_proj"] = new ModuleSource.PartOfExperts(
                    $"{Layer}mlp.experts.gate_up_proj", Part: 1, Parts: 2),
                [$"{Layer}mlp.experts.{{expert}}.down_proj"] = new ModuleSource.PartOfExperts($"{Layer}mlp.experts.down_proj"),
            },
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var config = LlamaFamily.Common(fields, maxPositions: 131_072, normEps: 1e-5, theta: 1e6, keyValueHeads: 8);
        var expertsPerToken = fields.Int("num_experts_per_tok", 2);
        return config with
        {
            SlidingWindow = MistralFamily.WindowOfEveryLayer(fields, fields.OptionalInt("sliding_window")),
            NumLocalExperts = fields.Int("num_local_experts", 8),
            NumExpertsPerTok = expertsPerToken,
            NormTopkProb = true,
            RouterAuxLossCoef = MixtralBalance.ToBam(
                fields.Number("router_aux_loss_coef", 0.001), expertsPerToken, Math.Max(1, config.NumHiddenLayers)),
            RouterZLossCoef = fields.Number("router_z_loss_coef", 0),
        };
    }
}

/// <summary>
/// The coefficient of the load-balancing loss in transformers' meaning and in Bam's. For L layers and k experts of a token,
/// transformers joins the tokens of all layers into one term, whose fractions of assignments sum to k; Bam adds a term for each
/// layer, whose fractions sum to 1. With even routing theirs is k times the coefficient and Bam's L times.
/// </summary>
internal static class MixtralBalance
{
    /// <summary>Bam's coefficient for transformers'.</summary>
    public static double ToBam(double theirs, int expertsPerToken, int layers) => theirs * expertsPerToken / layers;

    /// <summary>
    /// transformers' coefficient for Bam's: the shortest decimal, else the nearest number, that <see cref="ToBam"/> turns back
    /// into exactly the same.
    /// </summary>
    public static double FromBam(double ours, int expertsPerToken, int layers)
    {
        var exact = ours * layers / expertsPerToken;
        var rounded = double.Parse(exact.ToString("G15", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        double[] candidates = [rounded, exact, Math.BitDecrement(exact), Math.BitIncrement(exact)];
        return candidates.Where(candidate => ToBam(candidate, expertsPerToken, layers) == ours).DefaultIfEmpty(exact).First();
    }
}
