using System.Globalization;
using System.Text;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Models.Costs;
using Bam.Training;
using Bam.Upcycling;

namespace Bam.Exporting;

/// <summary>
/// README.md of an exported model: YAML metadata for the Hugging Face hub, then the model's origin, training and sizes.
/// </summary>
internal sealed class ModelCard
{
    public const string FileName = "README.md";

    private readonly StringBuilder text = new();

    private ModelCard() { }

    /// <summary>The text of the model card.</summary>
    /// <exception cref="InvalidInputException">The record of the model's mixture or training is invalid.</exception>
    public static string Of(Checkpoint model, IExportFormat format)
    {
        var (card, origin) = (new ModelCard(), MixtureRecord.Read(model.Directory));
        card.AddHead(model, format, origin);
        card.Add($"# {ExpertNames.NameOf(model.Source.Select(Path.GetFullPath))}");
        card.Add($"{CheckpointSummary.Of(model).Kind}; exported by Bam as `{format.Name}`.");
        if (origin is not null) card.AddOrigin(origin);
        if (model.Adapters.Count > 0) card.AddAdapters(model);
        if (RunDirectory.ConfigOf(model.Directory) is { } run) card.AddTraining(run);
        card.AddSizes(model.Config);
        return card.text.ToString();
    }

    private void AddHead(Checkpoint model, IExportFormat format, MixtureOrigin? origin)
    {
        var sources = origin?.Models ?? (model.Adapters.Count > 0 ? [BaseNameOf(model)] : []);
        AddLine("---");
        AddLine($"library_name: {format.Library}");
        AddLine("pipeline_tag: text-generation");
        if (sources.Count > 0)
        {
            AddLine("base_model:");
            foreach (var source in sources) AddLine($"  - {Quoted(source)}");
        }

        AddLine("tags:");
        AddLine("  - bam");
        if (model.Config.IsMixture) AddLine("  - moe");
        if (sources.Count > 0) AddLine("  - merge");
        Add("---");
    }

    private void AddOrigin(MixtureOrigin origin)
    {
        Add($"Mixed{(origin.Method is { } method ? $" by `bam mix {method}`" : "")} from these models, the seed first:");
        foreach (var source in origin.Models) AddLine($"- {source}");
        AddLine("");
    }

    private void AddAdapters(Checkpoint model)
    {
        Add($"These LoRA adapters are folded into {BaseNameOf(model)}, in order:");
        foreach (var adapter in model.Source.Adapters) AddLine($"- {ExpertNames.NameOf(Path.GetFullPath(adapter))}");
        AddLine("");
    }

    private static string BaseNameOf(Checkpoint model) => ExpertNames.NameOf(Path.GetFullPath(model.Directory));

    private void AddTraining(TrainingConfig run)
    {
        Add($"Trained by `bam train` on {Number(run.Settings.TotalSteps * run.Settings.TokensPerStep)} tokens:");
        AddLine("```yaml");
        AddLine("domains:");
        foreach (var domain in run.Data) AddLine($"  {domain.Domain}: {Exact(domain.Weight)}");
        AddLine($"sequence_length: {run.Settings.SequenceLength}");
        AddLine($"batch_size: {run.Settings.BatchSize}");
        AddLine($"learning_rate: {Exact(run.Settings.LearningRate)}");
        Add("```");
    }

    private void AddSizes(ModelConfig config)
    {
        var size = ModelSize.Of(config);
        AddRow("", "");
        AddRow("---", "---:");
        AddRow("parameters", Number(size.Total));
        AddRow("active for a token", Number(size.Active));
        AddRow("layers", Number(config.NumHiddenLayers));
        AddRow("hidden size", Number(config.HiddenSize));
        AddRow("attention experts", Number(config.NumAttentionExperts));
        AddRow("feed-forward experts", $"{config.NumLocalExperts}, {config.NumExpertsPerTok} for a token");
        AddRow("vocabulary", Number(config.VocabSize));
        AddRow("positions", Number(config.MaxPositionEmbeddings));
    }

    private void AddRow(string what, string value) => AddLine($"| {what} | {value} |");

    private void Add(string paragraph) => AddLine(paragraph + "\n");

    private void AddLine(string line) => text.Append(line).Append('\n');

    private static string Quoted(string text) =>
        $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";

    private static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
