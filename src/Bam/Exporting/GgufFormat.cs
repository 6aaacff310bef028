using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting.Gguf;
using Bam.Files;
using Bam.Tokenization;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>GGUF for llama.cpp, including the tokenizer: models with the Llama, Mistral or Mixtral architecture.</summary>
internal sealed class GgufFormat : IExportFormat
{
    public const string FileName = "model.gguf";

    private const string Architecture = "llama";

    /// <summary>ggml's version of the quantized types.</summary>
    private const int QuantizationVersion = 2;

    private static readonly IReadOnlyList<ExportLimit> Limits =
    [
        .. ExportLimit.OfLlama,
        new(
            config => config.NumLocalExperts > 1 && !config.NormTopkProb,
            "top-k weights that are not divided by their sum (norm_topk_prob)"),
        new(config => config.NumLocalExperts > 1 && config.MlpBias, "experts with biases"),
    ];

    public string Name => "gguf";

    public string Description => "models of Llama's or Mixtral's form, in one file for llama.cpp";

    public string Library => "llama.cpp";

    public void Require(Checkpoint model, ExportOptions options)
    {
        ExportLimit.Require(model.Config, model.Name, Limits, Name);
        if (options.ShardBytes is not null)
            throw new InvalidInputException(
                "--shard-size", "none with --format gguf, which is one file", "a size", "leave it out");
        _ = TypeOf(model, options);
    }

    public void Write(
        Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation)
    {
        var type = TypeOf(model, options);
        if (options is { Dtype: null, Quantize: false }) model.WarnOfConversion(model.Dtype, reporter);
        var metadata = new GgufMetadata();
        AddModel(metadata, model, type);
        if (TokenizerFile.Find(model.Directory) is { } tokenizer)
        {
            GgufVocabulary.Add(metadata, Tokenizer.Load(tokenizer), model.Config, tokenizer, reporter);
        }
        else
        {
            metadata.Add("tokenizer.ggml.model", "none");
            reporter.Warn(
                $"no {TokenizerFile.FileName} in {model.Directory}: the file holds no vocabulary, and llama.cpp takes and "
                    + "gives ids only");
        }

        var layout = new GgufFile(metadata, GgufTensors.Of(model.Config, model.Parameters, type));
        var path = Path.Combine(directory, FileName);
        FreeSpace.Require(path, layout.Length);
        using (var file = layout.Create(path)) new GgufTensorWriter(model, layout).Write(file, reporter, cancellation);
        WarnOfWindow(model.Config, reporter);
    }

    private static void AddModel(GgufMetadata metadata, Checkpoint model, GgufTensorType type)
    {
        var config = model.Config;
        metadata.Add("general.architecture", Architecture);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", ExpertNames.NameOf(model.Source.Select(Path.GetFullPath)));
        metadata.Add("general.file_type", type.FileType);
        metadata.Add("general.quantization_version", QuantizationVersion);
        Add("vocab_size", config.VocabSize);
        Add("context_length", ContextLength(config));
        Add("embedding_length", config.HiddenSize);
        Add("block_count", config.NumHiddenLayers);
        Add("feed_forward_length", config.IntermediateSize);
        Add("attention.head_count", config.NumAttentionHeads);
        Add("attention.head_count_kv", config.NumKeyValueHeads);
        Add("attention.key_length", config.HeadDim);
        Add("attention.value_length", config.HeadDim);
        metadata.Add($"{Architecture}.attention.layer_norm_rms_epsilon", config.NormEps);
        Add("rope.dimension_count", config.RotaryDim);
        metadata.Add($"{Architecture}.rope.freq_base", config.RopeTheta);
        if (config.RopeScaling is { Type: RopeScalingType.Linear, Factor: var factor })
        {
            metadata.Add($"{Architecture}.rope.scaling.type", "linear");
            metadata.Add($"{Architecture}.rope.scaling.factor", factor);
        }

        if (config.NumLocalExperts > 1)
        {
            Add("expert_count", config.NumLocalExperts);
            Add("expert_used_count", config.NumExpertsPerTok);
        }

        void Add(string key, int value) => metadata.Add($"{Architecture}.{key}", value);
    }

    /// <summary>The architecture has no sliding window, so the context is limited to one window.</summary>
    private static int ContextLength(ModelConfig config) =>
        Math.Min(config.MaxPositionEmbeddings, config.SlidingWindow ?? int.MaxValue);

    private static void WarnOfWindow(ModelConfig config, IReporter reporter)
    {
        if (ContextLength(config) < config.MaxPositionEmbeddings)
            reporter.Warn(
                $"llama.cpp knows no sliding window here: the context is {ContextLength(config)} tokens, one window, instead of "
                    + $"{config.MaxPositionEmbeddings}");
    }

    private static GgufTensorType TypeOf(Checkpoint model, ExportOptions options)
    {
        if (options.Quantize) return GgufTensorType.Q8;
        return (options.Dtype ?? model.Dtype) switch
        {
            TensorDtype.Float32 => GgufTensorType.F32,
            TensorDtype.Float16 => GgufTensorType.F16,
            TensorDtype.BFloat16 => GgufTensorType.BF16,
            var other => throw new InvalidInputException(
                "--dtype", "float32, float16, bfloat16 or q8_0 for gguf", other.TorchName, "name one of these"),
        };
    }
}
