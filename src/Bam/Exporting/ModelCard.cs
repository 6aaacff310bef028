using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Files;
using Bam.Models;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>README.md of an exported model: the YAML head that the Hugging Face hub reads, then what the model is.</summary>
internal static class ModelCard
{
    /// <summary>Writes it.</summary>
    public static void Write(Checkpoint model, IExportFormat format, string directory) =>
        AtomicFile.WriteText(Path.Combine(directory, "README.md"), Text(model, format));

    private static string Text(Checkpoint model, IExportFormat format)
    {
        var (config, size, record) = (model.Config, ModelSize.Of(model.Config), RecordOf(model.Directory));
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Directory)));
        var text = new StringBuilder().AppendLine("---").AppendLine("library_name: transformers").AppendLine("pipeline_tag: text-generation");
        if (record is not null)
        {
            text.AppendLine("base_model:");
            foreach (var source in SourcesOf(record)) text.AppendLine(CultureInfo.InvariantCulture, $"  - {Quoted(source)}");
        }

        text.AppendLine("tags:").AppendLine("  - bam");
        if (config.IsMixture) text.AppendLine("  - moe");
        if (record is not null) text.AppendLine("  - merge");
        text.AppendLine("---").AppendLine().AppendLine(CultureInfo.InvariantCulture, $"# {name}").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"{CheckpointSummary.Of(model).Kind}; exported by Bam as `{format.Name}`.").AppendLine();
        if (record is not null)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Mixed by `bam mix {record["method"]}` from these models, the seed first:").AppendLine();
            foreach (var source in SourcesOf(record)) text.AppendLine(CultureInfo.InvariantCulture, $"- {source}");
            text.AppendLine();
        }

        Row("", "");
        Row("---", "---:");
        Row("parameters", Number(size.Total));
        Row("active for a token", Number(size.Active));
        Row("layers", Number(config.NumHiddenLayers));
        Row("hidden size", Number(config.HiddenSize));
        Row("attention experts", Number(config.NumAttentionExperts));
        Row("feed-forward experts", $"{config.NumLocalExperts}, {config.NumExpertsPerTok} for a token");
        Row("vocabulary", Number(config.VocabSize));
        Row("positions", Number(config.MaxPositionEmbeddings));
        return text.ToString();

        void Row(string what, string value) => text.AppendLine(CultureInfo.InvariantCulture, $"| {what} | {value} |");
    }

    private static JsonObject? RecordOf(string directory)
    {
        var path = Path.Combine(directory, Upcycler.RecordFileName);
        return File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))?.AsObject() : null;
    }

    // Names of folders: where they lie on somebody's disk is nobody's business.
    private static IEnumerable<string> SourcesOf(JsonObject record) =>
        new[] { record["seed"] }.Concat(record["experts"]?.AsArray() ?? []).OfType<JsonNode>().Select(path => Path.GetFileName(path.ToString()));

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
