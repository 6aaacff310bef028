using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Families;
using Bam.Files;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>A directory with <c>config.json</c> and safetensors, whose tensors are the model's own under other names.</summary>
internal abstract class SafetensorsFormat : IExportFormat, ICheckpointForm
{
    private const long DefaultShardBytes = 5_000_000_000;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <inheritdoc/>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public abstract string Description { get; }

    /// <inheritdoc/>
    public string Library => "transformers";

    /// <summary>What it cannot express.</summary>
    private protected virtual IReadOnlyList<ExportLimit> Limits => [];

    /// <inheritdoc/>
    public void Require(Checkpoint model, ExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Require(model.Config, model.Directory);
        if (options.Quantize) throw new InvalidInputException("--dtype", $"float32, bfloat16, float16 or float64 with --format {Name}", "q8_0", "that is for gguf");
    }

    /// <inheritdoc/>
    public void Write(Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        var dtype = options.Dtype ?? model.Dtype;
        if (options.Dtype is null) model.WarnOfConversion(dtype, reporter);
        WriteSettings(model.Config with { TorchDtype = dtype.TorchName }, directory, reporter);
        WriteTokenizer(model.Directory, model.Config, directory);
        GenerationSettings.Copy(model.Directory, model.Config.EosTokenIds, directory);
        var tensors = model.Parameters
            .Select(parameter => new PlannedTensor(parameter, new TensorRecipe.Copy(0, parameter.Name)) { StoredName = NameOf(parameter) })
            .ToList();
        var layout = CheckpointLayout.Of([.. tensors.Select(tensor => new TensorDeclaration(tensor.StoredName, dtype, tensor.Parameter.Shape))], options.ShardBytes ?? DefaultShardBytes);
        FreeSpace.Require(directory, layout.Length);
        using var writer = new CheckpointWriter(directory, layout);
        new TensorWriter($"export {Name}", [model], dtype).Write(tensors, writer, reporter, cancellation);
        writer.Complete();
    }

    /// <inheritdoc/>
    public void Require(ModelConfig config, string where) => ExportLimit.Require(config, where, Limits, Name);

    /// <inheritdoc/>
    public void WriteSettings(ModelConfig config, string directory, IReporter reporter)
    {
        WarnOfLosses(config, reporter);
        AtomicFile.WriteText(Path.Combine(directory, ModelConfig.FileName), ConfigOf(config).ToJsonString(Indented) + "\n");
        WriteOtherFiles(directory);
    }

    /// <inheritdoc/>
    public void WriteTokenizer(string source, ModelConfig config, string directory)
    {
        ArgumentNullException.ThrowIfNull(config);
        TokenizerFile.CopyAll(source, directory);
        TokenizerConfigJson.Write(source, config, directory);
    }

    /// <summary>The content of <c>config.json</c>.</summary>
    protected abstract JsonObject ConfigOf(ModelConfig config);

    /// <inheritdoc/>
    public virtual string NameOf(ParameterInfo parameter)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        return parameter.Name;
    }

    /// <summary>Warns of settings that other software leaves unread.</summary>
    private protected virtual void WarnOfLosses(ModelConfig config, IReporter reporter) { }

    /// <summary>Writes what else there is.</summary>
    protected virtual void WriteOtherFiles(string directory) { }
}

/// <summary>
/// Bam's own format with the two Python files by which transformers computes it
/// (<c>AutoModelForCausalLM.from_pretrained(dir, trust_remote_code=True)</c>): every model.
/// </summary>
internal sealed class BamFormat : SafetensorsFormat
{
    private static readonly string[] Code = ["configuration_bam.py", "modeling_bam.py"];

    /// <inheritdoc/>
    public override string Name => "hf";

    /// <inheritdoc/>
    public override string Description => "every model, for transformers, with the code that computes it";

    /// <inheritdoc/>
    protected override JsonObject ConfigOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var json = JsonNode.Parse(config.ToJson())!.AsObject();
        json["auto_map"] = new JsonObject
        {
            ["AutoConfig"] = "configuration_bam.BamConfig",
            ["AutoModelForCausalLM"] = "modeling_bam.BamForCausalLM",
        };
        return json;
    }

    /// <inheritdoc/>
    protected override void WriteOtherFiles(string directory)
    {
        foreach (var name in Code)
        {
            using var code = typeof(BamFormat).Assembly.GetManifestResourceStream($"Bam.Exporting.Transformers.{name}")!;
            AtomicFile.Write(Path.Combine(directory, name), code.CopyTo);
        }
    }
}

/// <summary>Llama, or with a window Mistral: dense models and soups of them.</summary>
internal sealed class LlamaFormat : SafetensorsFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(config => config.NumLocalExperts > 1, "feed-forward experts"),
        .. ExportLimit.OfLlama,
        ExportLimit.NeighbouringPairs,
        new(config => config.AttentionBias != config.AttentionOutputBias, "biases of queries, keys and values alone"),
        new(config => config.SlidingWindow is not null && (config.AttentionBias || config.MlpBias), "a sliding window and biases"),
    ];

    /// <inheritdoc/>
    public override string Name => "llama";

    /// <inheritdoc/>
    public override string Description => "dense models and soups of Llama's or Mistral's form";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    /// <inheritdoc/>
    protected override JsonObject ConfigOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        if (config.SlidingWindow is { } window)
        {
            var mistral = LlamaConfigJson.Of(config, "mistral", "MistralForCausalLM");
            mistral["sliding_window"] = window;
            return mistral;
        }

        var llama = LlamaConfigJson.Of(config, "llama", "LlamaForCausalLM");
        llama["attention_bias"] = config.AttentionBias;
        llama["mlp_bias"] = config.MlpBias;
        return llama;
    }
}

/// <summary>Mixtral (arXiv 2401.04088): what BTX makes of Llama or Mistral with weights that are divided by their sum.</summary>
internal sealed class MixtralFormat : SafetensorsFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(config => config.NumLocalExperts == 1, "a dense feed-forward"),
        .. ExportLimit.OfLlama,
        ExportLimit.NeighbouringPairs,
        new(config => !config.NormTopkProb, "top-k weights that are not divided by their sum (norm_topk_prob)"),
        new(config => config.AttentionBias || config.AttentionOutputBias || config.MlpBias, "biases"),
    ];

    /// <inheritdoc/>
    public override string Name => "mixtral";

    /// <inheritdoc/>
    public override string Description => "BTX with renormalised weights, for transformers and vLLM";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    /// <inheritdoc/>
    protected override JsonObject ConfigOf(ModelConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var json = LlamaConfigJson.Of(config, "mixtral", "MixtralForCausalLM");
        json["sliding_window"] = config.SlidingWindow;
        json["num_local_experts"] = config.NumLocalExperts;
        json["num_experts_per_tok"] = config.NumExpertsPerTok;
        json["router_aux_loss_coef"] = MixtralBalance.FromBam(config.RouterAuxLossCoef, config.NumExpertsPerTok, config.NumHiddenLayers);
        // No key of transformers', which keeps what it does not know; Bam reads it back.
        json["router_z_loss_coef"] = config.RouterZLossCoef;
        json["output_router_logits"] = false;
        return json;
    }

    /// <inheritdoc/>
    private protected override void WarnOfLosses(ModelConfig config, IReporter reporter)
    {
        if (config.RouterZLossCoef > 0)
            reporter.Warn(string.Create(CultureInfo.InvariantCulture, $"router_z_loss_coef = {config.RouterZLossCoef}: transformers trains Mixtral without a z-loss; Bam reads the key back"));
    }

    /// <inheritdoc/>
    public override string NameOf(ParameterInfo parameter) => MixtralFamily.Family.StoredName(parameter);
}

/// <summary>The fields of <c>config.json</c> that Llama's relatives share, as transformers 4 and 5 read them.</summary>
internal static class LlamaConfigJson
{
    /// <summary>The fields.</summary>
    /// <param name="config">The model.</param>
    /// <param name="modelType"><c>model_type</c>.</param>
    /// <param name="architecture">The class that loads it.</param>
    public static JsonObject Of(ModelConfig config, string modelType, string architecture)
    {
        var json = Fields(config, modelType, architecture);
        if (config.PadTokenId is { } padding) json["pad_token_id"] = padding;
        return json;
    }

    private static JsonObject Fields(ModelConfig config, string modelType, string architecture) => new()
    {
        ["architectures"] = new JsonArray(architecture),
        ["model_type"] = modelType,
        ["vocab_size"] = config.VocabSize,
        ["hidden_size"] = config.HiddenSize,
        ["intermediate_size"] = config.IntermediateSize,
        ["num_hidden_layers"] = config.NumHiddenLayers,
        ["num_attention_heads"] = config.NumAttentionHeads,
        ["num_key_value_heads"] = config.NumKeyValueHeads,
        ["head_dim"] = config.HeadDim,
        ["hidden_act"] = config.HiddenAct,
        ["max_position_embeddings"] = config.MaxPositionEmbeddings,
        ["rms_norm_eps"] = config.NormEps,
        ["rope_theta"] = config.RopeTheta,
        ["rope_scaling"] = config.RopeScaling is null ? null : JsonNode.Parse(config.ToJson())!["rope_scaling"]!.DeepClone(),
        ["tie_word_embeddings"] = config.TieWordEmbeddings,
        ["bos_token_id"] = config.BosTokenId,
        ["eos_token_id"] = JsonNode.Parse(config.ToJson())!["eos_token_id"]?.DeepClone(),
        ["torch_dtype"] = config.TorchDtype,
    };
}
