using System.Globalization;
using System.Text;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Training;

namespace Bam.Exporting;

/// <summary>README.md of an exported model: the YAML head that the Hugging Face hub reads, then what the model is.</summary>
internal static class ModelCard
{
    /// <summary>The file name.</summary>
    public const string FileName = "README.md";

    /// <summary>Its text.</summary>
    /// <exception cref="InvalidInputException">The record of how the model was mixed is damaged.</exception>
    public static string Of(Checkpoint model, IExportFormat format)
    {
        var (config, size, origin) = (model.Config, ModelSize.Of(model.Config), ExpertNames.OriginOf(model.Directory));
        var text = new StringBuilder().AppendLine("---").AppendLine(CultureInfo.InvariantCulture, $"library_name: {format.Library}").AppendLine("pipeline_tag: text-generation");
        if (origin is not null)
        {
            text.AppendLine("base_model:");
            foreach (var source in origin.Models) text.AppendLine(CultureInfo.InvariantCulture, $"  - {Quoted(source)}");
        }

        text.AppendLine("tags:").AppendLine("  - bam");
        if (config.IsMixture) text.AppendLine("  - moe");
        if (origin is not null) text.AppendLine("  - merge");
        text.AppendLine("---").AppendLine().AppendLine(CultureInfo.InvariantCulture, $"# {ExpertNames.NameOf(Path.TrimEndingDirectorySeparator(Path.GetFullPath(model.Directory)))}").AppendLine();
        text.AppendLine(CultureInfo.InvariantCulture, $"{CheckpointSummary.Of(model).Kind}; exported by Bam as `{format.Name}`.").AppendLine();
        if (origin is not null)
        {
            var how = origin.Method is { } method ? $" by `bam mix {method}`" : "";
            text.AppendLine(CultureInfo.InvariantCulture, $"Mixed{how} from these models, the seed first:").AppendLine();
            foreach (var source in origin.Models) text.AppendLine(CultureInfo.InvariantCulture, $"- {source}");
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

    private static string Quoted(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
