using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting.Limits;
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
        var tensors = ParameterTable.Of(Complete(model.Config))
            .Select(parameter => new PlannedTensor(parameter, TensorRecipe.OfAddition(parameter, model.Config)
                ?? new TensorRecipe.Copy(0, parameter.Name)) { StoredName = NameOf(parameter) })
            .ToList();
        var layout = CheckpointLayout.Of(
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.StoredName, dtype, tensor.Parameter.Shape))],
            options.ShardBytes ?? DefaultShardBytes);
        FreeSpace.Require(directory, layout.Length);
        using var writer = new CheckpointWriter(directory, layout);
        new TensorWriter($"export {Name}", [model], dtype).Write(tensors, writer, reporter, cancellation);
        writer.Complete();
    }

    public virtual void Require(ModelConfig config, string where) => ExportLimit.Require(config, where, Limits, Name);

    public virtual ModelConfig Complete(ModelConfig config) => config;

    public void WriteSettings(ModelConfig config, string directory, IReporter reporter)
    {
        WarnOfLosses(config, reporter);
        var json = ConfigOf(Complete(config)).ToJsonString(Indented);
        AtomicFile.WriteText(Path.Combine(directory, ModelConfig.FileName), json + "\n");
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
