namespace Bam.Checkpoints;

/// <summary>
/// Where a <see cref="ModelConfig"/> comes from, as messages name it: its file, and the file's names of Bam's keys.
/// </summary>
internal sealed class ConfigPlace
{
    /// <summary>Keys that families have under other names; of several in one file the first is meant.</summary>
    private static readonly Dictionary<string, string[]> Names = new()
    {
        ["hidden_size"] = ["hidden_size", "n_embd"],
        ["intermediate_size"] = ["moe_intermediate_size", "intermediate_size", "n_inner"],
        ["dense_intermediate_size"] = ["dense_intermediate_size", "intermediate_size"],
        ["num_hidden_layers"] = ["num_hidden_layers", "n_layer"],
        ["num_attention_heads"] = ["num_attention_heads", "n_head"],
        ["max_position_embeddings"] = ["max_position_embeddings", "n_positions"],
        ["norm_eps"] = ["norm_eps", "rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"],
        ["hidden_act"] = ["hidden_activation", "hidden_act", "activation_function"],
        ["rope_theta"] = ["rope_theta", "rotary_emb_base"],
        ["partial_rotary_factor"] = ["partial_rotary_factor", "rotary_pct"],
        ["rope_scaling"] = ["rope_scaling", "rope_parameters"],
        ["num_local_experts"] = ["num_local_experts", "num_experts"],
        ["mlp_only_layers"] = ["mlp_only_layers", "decoder_sparse_step"],
        ["torch_dtype"] = ["torch_dtype", "dtype"],
    };

    private readonly string file;
    private readonly JsonFields? fields;

    /// <summary>A file with Bam's own keys.</summary>
    public ConfigPlace(string file) => this.file = file;

    /// <summary>A file of any family, whose keys have been read.</summary>
    public ConfigPlace(JsonFields fields) => (file, this.fields) = (fields.Where, fields);

    public override string ToString() => file;

    /// <summary>
    /// The file's name of one of Bam's keys: that of the value that was read, or if the file has none, that under which its
    /// family looks for it. A key inside an object follows the object's name: <c>rope_scaling: factor</c>.
    /// </summary>
    public string Key(string key)
    {
        const string Inside = ": ";
        if (key.Split(Inside, 2) is [var outer, var inner]) return Key(outer) + Inside + inner;
        if (fields is null || !Names.TryGetValue(key, out var names)) return key;
        return Array.Find(names, fields.WasRead) ?? Array.Find(names, fields.WasAsked) ?? key;
    }
}
