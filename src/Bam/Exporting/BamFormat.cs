using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Exporting;

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
