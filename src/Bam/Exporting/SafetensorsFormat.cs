using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
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
