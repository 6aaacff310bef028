using System.Text.Json;

namespace Bam.Bench.TorchSharpPeer;

/// <summary>The benchmark's model unless a fixture's config.json says otherwise.</summary>
internal sealed record Config
{
    public long Vocab { get; init; } = 4096;

    public long Hidden { get; init; } = 256;

    public long Intermediate { get; init; } = 512;

    public int Layers { get; init; } = 4;

    /// <summary>Query heads of one attention expert.</summary>
    public long Heads { get; init; } = 4;

    /// <summary>Key-value heads of one attention expert.</summary>
    public long KeyValueHeads { get; init; } = 4;

    public long HeadDim { get; init; } = 64;

    public long Positions { get; init; } = 256;

    public int AttentionExperts { get; init; } = 4;

    public int Experts { get; init; } = 4;

    public double NormEps { get; init; } = 1e-5;

    public double RopeTheta { get; init; } = 10_000;

    public double BalanceCoefficient { get; init; } = 0.01;

    public double ZCoefficient { get; init; } = 0.001;

    /// <summary>Reads a Hugging Face style config.json; refuses what the peer does not compute.</summary>
    public static Config Load(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        var root = document.RootElement;
        var computed = new Dictionary<string, string>
        {
            ["parallel_block"] = "true",
            ["norm_type"] = "\"layer_norm\"",
            ["hidden_act"] = "\"silu\"",
            ["rope_interleaved"] = "false",
            ["partial_rotary_factor"] = "1.0",
            ["logit_scale"] = "1.0",
            ["tie_word_embeddings"] = "true",
            ["attention_routing"] = "\"soft\"",
            ["share_key_value"] = "false",
            ["num_experts_per_tok"] = "1",
            ["norm_topk_prob"] = "false",
        };
        foreach (var (key, value) in computed)
        {
            var found = root.GetProperty(key).GetRawText();
            if (found != value) throw new InvalidDataException($"{path}: {key}: expected {value}, found {found}");
        }

        return new()
        {
            Vocab = Integer("vocab_size"),
            Hidden = Integer("hidden_size"),
            Intermediate = Integer("intermediate_size"),
            Layers = (int)Integer("num_hidden_layers"),
            Heads = Integer("num_attention_heads"),
            KeyValueHeads = Integer("num_key_value_heads"),
            HeadDim = Integer("head_dim"),
            Positions = Integer("max_position_embeddings"),
            AttentionExperts = (int)Integer("num_attention_experts"),
            Experts = (int)Integer("num_local_experts"),
            NormEps = root.GetProperty("norm_eps").GetDouble(),
            RopeTheta = root.GetProperty("rope_theta").GetDouble(),
            BalanceCoefficient = root.GetProperty("router_aux_loss_coef").GetDouble(),
            ZCoefficient = root.GetProperty("router_z_loss_coef").GetDouble(),
        };

        long Integer(string key) => root.GetProperty(key).GetInt64();
    }

    /// <summary>3 × forward, as peer.py counts: two for each multiply-add, attention scores counted causally.</summary>
    public long TrainingFlopsPerToken(long length)
    {
        var (queries, keys) = (Heads * HeadDim, KeyValueHeads * HeadDim);
        var attention = AttentionExperts * ((4 * Hidden * queries) + (4 * Hidden * keys) + (2 * queries * (length + 1)));
        var routers = 2 * Hidden * (AttentionExperts + Experts);
        return 3 * ((Layers * (attention + routers + (6 * Hidden * Intermediate))) + (2 * Hidden * Vocab));
    }
}
