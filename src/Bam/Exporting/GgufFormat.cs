using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Configuration;
using Bam.Exporting.Gguf;
using Bam.Files;
using Bam.Tokenization;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>GGUF for llama.cpp, including the tokenizer: models that one of its architectures computes exactly.</summary>
internal sealed class GgufFormat : IExportFormat
{
    public const string FileName = "model.gguf";

    /// <summary>ggml's version of the quantized types.</summary>
    private const int QuantizationVersion = 2;

    public string Name => "gguf";

    public string Description => "models that llama.cpp has an architecture for, in one file with the tokenizer";

    public string Library => "llama.cpp";

    public void Require(Checkpoint model, ExportOptions options)
    {
        _ = GgufArchitecture.Of(model.Config, model.Name, Name);
        if (options.ShardBytes is not null)
            throw new InvalidInputException(
                "--shard-size", "none with --format gguf, which is one file", "a size", "leave it out");
        _ = TypeOf(model, options);
    }

    public void Write(
        Checkpoint model, ExportOptions options, string directory, IReporter reporter, CancellationToken cancellation)
    {
        var (type, architecture) = (TypeOf(model, options), GgufArchitecture.Of(model.Config, model.Name, Name));
        if (options is { Dtype: null, Quantize: false }) model.WarnOfConversion(model.Dtype, reporter);
        var metadata = new GgufMetadata();
        AddModel(metadata, model, architecture, type);
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

        var layout = new GgufFile(metadata, GgufTensors.Of(model.Config, architecture, type));
        var path = Path.Combine(directory, FileName);
        FreeSpace.Require(path, layout.Length);
        using var file = layout.Create(path);
        new GgufTensorWriter(model, layout).Write(file, reporter, cancellation);
        file.Complete();
        WarnOfContext(model.Config, architecture, reporter);
    }

    private static void AddModel(GgufMetadata metadata, Checkpoint model, GgufArchitecture architecture, GgufTensorType type)
    {
        metadata.Add("general.architecture", architecture.Name);
        metadata.Add("general.type", "model");
        metadata.Add("general.name", ExpertNames.NameOf(model.Source.Select(Path.GetFullPath)));
        metadata.Add("general.file_type", type.FileType);
        metadata.Add("general.quantization_version", QuantizationVersion);
        AddSettings(metadata, model.Config, architecture);
    }

    /// <summary>Adds the keys of the architecture.</summary>
    internal static void AddSettings(GgufMetadata metadata, ModelConfig model, GgufArchitecture architecture)
    {
        var config = architecture.Complete(model);
        Add("vocab_size", config.VocabSize);
        Add("context_length", architecture.ContextLength(config));
        Add("embedding_length", config.HiddenSize);
        Add("block_count", config.NumHiddenLayers);
        Add("feed_forward_length", config.IntermediateSize);
        Add("attention.head_count", config.NumAttentionHeads);
        Add("attention.head_count_kv", config.NumKeyValueHeads);
        Add("attention.key_length", config.HeadDim);
        Add("attention.value_length", config.HeadDim);
        var norm = config.NormType == NormType.RmsNorm ? "layer_norm_rms_epsilon" : "layer_norm_epsilon";
        metadata.Add(architecture.Key($"attention.{norm}"), config.NormEps);
        Add("rope.dimension_count", config.RotaryDim);
        metadata.Add(architecture.Key("rope.freq_base"), config.RopeTheta);
        AddScaling(metadata, config, architecture);
        if (config.NumLocalExperts > 1)
        {
            Add("expert_count", config.NumLocalExperts);
            Add("expert_used_count", config.NumExpertsPerTok);
        }

        architecture.AddSettings(metadata, config);

        void Add(string key, int value) => metadata.Add(architecture.Key(key), value);
    }

    /// <summary>Llama 3's scaling is a tensor alone; dynamic scaling begins beyond the file's context.</summary>
    private static void AddScaling(GgufMetadata metadata, ModelConfig config, GgufArchitecture architecture)
    {
        if (config.RopeScaling is not { Type: not (RopeScalingType.Llama3 or RopeScalingType.Dynamic) } scaling) return;
        metadata.Add(Key("type"), SnakeCase.Of(scaling.Type));
        if (scaling.Type != RopeScalingType.Longrope) metadata.Add(Key("factor"), scaling.Factor);
        if (scaling.Type == RopeScalingType.Linear) return;
        metadata.Add(Key("original_context_length"), scaling.OriginalMaxPositionEmbeddings);
        // llama.cpp multiplies by YaRN's usual attention factor itself.
        var multiplied = scaling.Type == RopeScalingType.Yarn ? RopeScaling.YarnAttentionFactor(scaling.Factor) : 1;
        metadata.Add(Key("attn_factor"), scaling.AttentionFactor / multiplied);

        string Key(string name) => architecture.Key($"rope.scaling.{name}");
    }

    private static void WarnOfContext(ModelConfig config, GgufArchitecture architecture, IReporter reporter)
    {
        var context = architecture.ContextLength(config);
        if (context < config.MaxPositionEmbeddings)
            reporter.Warn(
                $"llama.cpp knows no sliding window here: the context is {context} tokens, one window, instead of "
                    + $"{config.MaxPositionEmbeddings}");
        switch (config.RopeScaling)
        {
            case { Type: RopeScalingType.Dynamic } when config.LongestInput > context:
                reporter.Warn(
                    $"llama.cpp knows no dynamic scaling: the context is {context} tokens instead of {config.LongestInput}");
                break;
            case { Type: RopeScalingType.Longrope, OriginalMaxPositionEmbeddings: var original } when context > original:
                reporter.Warn(
                    "llama.cpp chooses between the short and the long factors of longrope by the size of its context, not by the "
                        + $"length of the input: give it inputs of up to {original} tokens with a context of that size "
                        + $"(-c {original})");
                break;
        }
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
