using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Files;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>A directory with <c>config.json</c> and safetensors files; tensors are renamed but not changed.</summary>
internal abstract class SafetensorsFormat : IExportFormat, ICheckpointForm
{
    private const long DefaultShardBytes = 5_000_000_000;

    private static readonly JsonSerializerOptions Indented =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public abstract string Name { get; }

    public abstract string Description { get; }

    public string Library => "transformers";

    /// <summary>Unsupported features.</summary>
    private protected virtual IReadOnlyList<ExportLimit> Limits => [];

    public void Require(Checkpoint model, ExportOptions options)
    {
        Require(model.Config, model.Name);
        if (options.Quantize)
            throw new InvalidInputException(
                "--dtype", $"float32, bfloat16, float16 or float64 with --format {Name}", "q8_0", "that is for gguf");
    }

    public void Write(
        Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation)
    {
        var dtype = options.Dtype ?? model.Dtype;
        if (options.Dtype is null) model.WarnOfConversion(dtype, reporter);
        WriteSettings(model.Config with { TorchDtype = dtype.TorchName }, directory, reporter);
        WriteTokenizer(model.Directory, model.Config, directory);
        GenerationSettings.Copy(model.Directory, model.Config.EosTokenIds, directory);
        var tensors = model.Parameters
            .Select(parameter => new PlannedTensor(parameter, new TensorRecipe.Copy(0, parameter.Name))
            {
                StoredName = NameOf(parameter),
            })
            .ToList();
        var layout = CheckpointLayout.Of(
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.StoredName, dtype, tensor.Parameter.Shape))],
            options.ShardBytes ?? DefaultShardBytes);
        FreeSpace.Require(directory, layout.Length);
        using var writer = new CheckpointWriter(directory, layout);
        new TensorWriter($"export {Name}", [model], dtype).Write(tensors, writer, reporter, cancellation);
        writer.Complete();
    }

    public void Require(ModelConfig config, string where) => ExportLimit.Require(config, where, Limits, Name);

    public void WriteSettings(ModelConfig config, string directory, IReporter reporter)
    {
        WarnOfLosses(config, reporter);
        AtomicFile.WriteText(Path.Combine(directory, ModelConfig.FileName), ConfigOf(config).ToJsonString(Indented) + "\n");
        WriteOtherFiles(directory);
    }

    public void WriteTokenizer(string source, ModelConfig config, string directory)
    {
        TokenizerFile.CopyAll(source, directory);
        TokenizerConfigJson.Write(source, config, directory);
    }

    /// <summary>The content of <c>config.json</c>.</summary>
    protected abstract JsonObject ConfigOf(ModelConfig config);

    public virtual string NameOf(ParameterInfo parameter) => parameter.Name;

    /// <summary>Warns of settings that other software ignores.</summary>
    private protected virtual void WarnOfLosses(ModelConfig config, IReporter reporter) { }

    protected virtual void WriteOtherFiles(string directory) { }
}

/// <summary>
/// Bam's own format with the Python code for transformers (<c>AutoModelForCausalLM.from_pretrained(dir,
/// trust_remote_code=True)</c>). Supports every model.
/// </summary>
internal sealed class BamFormat : SafetensorsFormat
{
    private static readonly string[] Code = ["configuration_bam.py", "modeling_bam.py", "mask_bam.py", "rotary_bam.py"];

    public override string Name => "hf";

    public override string Description => "every model, for transformers, with the code that computes it";

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        var json = JsonNode.Parse(config.ToJson())!.AsObject();
        json["auto_map"] = new JsonObject
        {
            ["AutoConfig"] = "configuration_bam.BamConfig",
            ["AutoModelForCausalLM"] = "modeling_bam.BamForCausalLM",
        };
        return json;
    }

    protected override void WriteOtherFiles(string directory)
    {
        foreach (var name in Code)
        {
            using var code = typeof(BamFormat).Assembly.GetManifestResourceStream($"Bam.Exporting.Transformers.{name}")!;
            AtomicFile.Write(Path.Combine(directory, name), code.CopyTo);
        }
    }
}

/// <summary>Llama, or Mistral if the model has a sliding window: dense models and soups.</summary>
internal sealed class LlamaFormat : SafetensorsFormat
{
    private static readonly IReadOnlyList<ExportLimit> AllLimits =
    [
        new(config => config.NumLocalExperts > 1, "feed-forward experts"),
        .. ExportLimit.OfLlama,
        ExportLimit.NeighbouringPairs,
        new(config => config.AttentionBias != config.AttentionOutputBias, "biases of queries, keys and values alone"),
        new(
            config => config.SlidingWindow is not null && (config.AttentionBias || config.MlpBias),
            "a sliding window and biases"),
    ];

    public override string Name => "llama";

    public override string Description => "dense models and soups of Llama's or Mistral's form";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    protected override JsonObject ConfigOf(ModelConfig config)
    {
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

/// <summary>Mixtral (arXiv 2401.04088): BTX mixtures of Llama or Mistral models with normalized top-k weights.</summary>
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

    public override string Name => "mixtral";

    public override string Description => "BTX with renormalised weights, for transformers and vLLM";

    private protected override IReadOnlyList<ExportLimit> Limits => AllLimits;

    protected override JsonObject ConfigOf(ModelConfig config)
    {
        var json = LlamaConfigJson.Of(config, "mixtral", "MixtralForCausalLM");
        json["sliding_window"] = config.SlidingWindow;
        json["num_local_experts"] = config.NumLocalExperts;
        json["num_experts_per_tok"] = config.NumExpertsPerTok;
        json["router_aux_loss_coef"] = BalanceWeight.FromBam(
            config.RouterAuxLossCoef, config.NumExpertsPerTok, config.NumHiddenLayers);
        // Not a key of transformers, which keeps unknown keys; Bam reads it back.
        json["router_z_loss_coef"] = config.RouterZLossCoef;
        json["output_router_logits"] = false;
        return json;
    }

    private protected override void WarnOfLosses(ModelConfig config, IReporter reporter)
    {
        if (config.RouterZLossCoef > 0)
            reporter.Warn(
                FormattableString.Invariant($"router_z_loss_coef = {config.RouterZLossCoef}: ")
                + "transformers trains Mixtral without a z-loss; Bam reads the key back");
    }

    public override string NameOf(ParameterInfo parameter) => MixtralFamily.Family.StoredName(parameter);
}

/// <summary>The fields of <c>config.json</c> that the Llama architectures share, as read by transformers 4 and 5.</summary>
internal static class LlamaConfigJson
{
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
