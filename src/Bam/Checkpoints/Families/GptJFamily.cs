namespace Bam.Checkpoints.Families;

/// <summary>GPT-J: parallel blocks with one norm, partly rotated heads, interleaved pairs, biases in MLP and head.</summary>
internal static class GptJFamily
{
    private const string Ours = "model.layers.{layer}.", Theirs = "transformer.h.{layer}.";

    public static readonly ModelFamily Family = new()
    {
        ModelType = "gptj",
        Read = Read,
        Harmless = new Dictionary<string, string> { ["rope_interleaved"] = "true", ["use_parallel_residual"] = "true" },
        Buffers = [".attn.bias", ".attn.masked_bias", ".attn.embed_positions"],
        Layouts =
        [
            new Dictionary<string, ModuleSource>
            {
                ["model.embed_tokens"] = new ModuleSource.Module("transformer.wte"),
                [$"{Ours}input_layernorm"] = new ModuleSource.Module($"{Theirs}ln_1"),
                [$"{Ours}self_attn.q_proj"] = new ModuleSource.Module($"{Theirs}attn.q_proj"),
                [$"{Ours}self_attn.k_proj"] = new ModuleSource.Module($"{Theirs}attn.k_proj"),
                [$"{Ours}self_attn.v_proj"] = new ModuleSource.Module($"{Theirs}attn.v_proj"),
                [$"{Ours}self_attn.o_proj"] = new ModuleSource.Module($"{Theirs}attn.out_proj"),
                [$"{Ours}mlp.up_proj"] = new ModuleSource.Module($"{Theirs}mlp.fc_in"),
                [$"{Ours}mlp.down_proj"] = new ModuleSource.Module($"{Theirs}mlp.fc_out"),
                ["model.norm"] = new ModuleSource.Module("transformer.ln_f"),
            },
        ],
    };

    private static ModelConfig Read(JsonFields fields)
    {
        var (hidden, heads) = (fields.Int("n_embd"), fields.Int("n_head"));
        var headDim = fields.HeadDim(hidden, heads, "n_embd", "n_head");
        var rotaryDim = fields.Int("rotary_dim", 64);
        if (heads > 0 && hidden > 0 && (rotaryDim < 2 || rotaryDim > headDim || rotaryDim % 2 != 0))
            throw fields.Fault(
                "rotary_dim", $"an even number from 2 to n_embd / n_head = {headDim}", $"{rotaryDim}",
                "these dimensions of each head are rotated, in pairs");
        fields.RequireNoWindow();
        return new ModelConfig
        {
            VocabSize = fields.Int("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = fields.Int("n_inner", (int)Math.Min(4L * hidden, int.MaxValue)),
            NumHiddenLayers = fields.Int("n_layer"),
            NumAttentionHeads = heads,
            NumKeyValueHeads = heads,
            HeadDim = headDim,
            MaxPositionEmbeddings = fields.Int("n_positions", 2048),
            NormEps = fields.Number("layer_norm_epsilon", 1e-5),
            NormBias = true,
            GatedMlp = false,
            HiddenAct = fields.Activation("gelu_new", "activation_function"),
            MlpBias = true,
            RopeInterleaved = true,
            PartialRotaryFactor = (double)rotaryDim / Math.Max(1, headDim),
            TieWordEmbeddings = fields.Flag("tie_word_embeddings", absent: false),
            LmHeadBias = true,
            BosTokenId = fields.OptionalInt("bos_token_id"),
            EosTokenIds = fields.TokenIds("eos_token_id"),
            TorchDtype = fields.Dtype(),
        };
    }
}
