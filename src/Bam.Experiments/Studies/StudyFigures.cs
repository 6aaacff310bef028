using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Experiments.Findings;
using Bam.Files;

namespace Bam.Experiments.Studies;

/// <summary>Writes a study's figures in machine-readable form.</summary>
internal static class StudyFigures
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        WriteIndented = true,
        NewLine = "\n",
    };

    private static readonly (string Name, Func<ModelResult, double> Value)[] Costs =
    [
        ("training_tokens", model => model.TrainingTokens),
        ("core_seconds", model => model.CoreSeconds),
        ("flops", model => model.Flops),
        ("tokens_per_second", model => model.TokensPerSecond),
        ("parameters_total", model => model.ParametersTotal),
        ("parameters_active", model => model.ParametersActive),
    ];

    /// <summary>Writes one line for each unit, model and domain, by RFC 4180.</summary>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static void WriteCsv(Study study, string path)
    {
        ArgumentNullException.ThrowIfNull(study);
        var csv = new CsvText();
        csv.AddLine([
            "study", "seed", "model", "kind", "domain", "perplexity", "bits_per_byte", "tokens",
            .. Costs.Select(cost => cost.Name),
        ]);
        foreach (var unit in study.Units)
            foreach (var model in unit.Models)
                foreach (var domain in unit.Domains)
                    csv.AddLine([
                        study.Name,
                        unit.RandomSeed,
                        model.Name,
                        JsonNamingPolicy.SnakeCaseLower.ConvertName(model.Kind.ToString()),
                        domain,
                        model.Perplexity.GetValueOrDefault(domain, double.NaN),
                        model.BitsPerByte.GetValueOrDefault(domain, double.NaN),
                        model.Tokens.GetValueOrDefault(domain),
                        .. Costs.Select(cost => (object)cost.Value(model)),
                    ]);
        AtomicFile.WriteText(path, csv.ToString());
    }

    /// <summary>Writes means, deviations, comparisons and verdicts.</summary>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public static void WriteJson(Study study, string path)
    {
        ArgumentNullException.ThrowIfNull(study);
        AtomicFile.WriteText(path, JsonSerializer.Serialize(Describe(study), Json) + "\n");
    }

    /// <summary>True for a file that <see cref="WriteCsv"/> wrote.</summary>
    internal static bool IsCsv(string path) => InputFile.ReadHead(path).StartsWith("study,seed,model,", StringComparison.Ordinal);

    /// <summary>True for a file that <see cref="WriteJson"/> wrote.</summary>
    internal static bool IsJson(string path) =>
        InputFile.ReadHead(path).Contains("\n  \"seeds_finished\": [", StringComparison.Ordinal);

    /// <summary>True for a file that <see cref="WriteJson"/> wrote for a study of that name.</summary>
    internal static bool IsJson(string path, string name) =>
        IsJson(path)
        && InputFile.ReadHead(path)
            .StartsWith($"{{\n  \"name\": {JsonSerializer.Serialize(name, Json)},\n", StringComparison.Ordinal);

    private static object Describe(Study study) => new
    {
        study.Name,
        study.Title,
        study.Recipe.About,
        SeedsFinished = study.Units.Select(unit => unit.RandomSeed),
        SeedsMissing = study.MissingSeeds,
        study.Domains,
        Units = study.Units.Select(unit => new { Seed = unit.RandomSeed, unit.Key, unit.Created, unit.Seconds, unit.Machine }),
        Models = study.Models.Select(model => Describe(study, model)),
        Tables = study.Units.Count == 0 ? [] : study.Tables.Select(table => new
        {
            table.Title,
            table.Models,
            Domains = table.Domains ?? study.Domains,
            table.Against,
            Comparisons =
                from model in table.Models
                where table.Against is not null && model != table.Against
                from figure in ModelFigure.Perplexities(table.Domains ?? study.Domains)
                select Describe(Comparison.Of(study, model, table.Against!, figure)),
        }),
        Claims = study.Claims.Select(claim => new
        {
            claim.Claim.Says,
            claim.Claim.Source,
            claim.Claim.Order,
            claim.Verdict,
            Pairs = claim.Pairs.Select(pair => new
            {
                pair.Better,
                pair.Worse,
                pair.Verdict,
                Mean = Describe(pair.Mean),
                Domains = pair.Domains.Select(Describe),
            }),
        }),
        Observations = study.Observations.Select(observation => new
        {
            observation.Model,
            observation.Against,
            Domain = observation.Figure.Title,
            Change = Describe(observation.Change),
            Observation = observation.InWords,
        }),
        Tasks = TaskFiles.Describe(study),
        Routers = RouterStability.Of(study).Select(row => new { row.Model, Figure = row.Figure.Name, row.Levels, row.Steps }),
    };

    private static object Describe(Study study, ModelResult model) => new
    {
        model.Name,
        model.Kind,
        Perplexity = Describe(study, model, ModelFigure.ByDomain(study.Domains, result => result.Perplexity)),
        BitsPerByte = Describe(study, model, ModelFigure.ByDomain(study.Domains, result => result.BitsPerByte)),
        MeanPerplexity = Describe(study.Of(model.Name, result => result.MeanPerplexity)),
        Costs = Costs.ToDictionary(cost => cost.Name, cost => Describe(study.Of(model.Name, cost.Value))),
        Match = study.Units
            .Select(unit => unit.Models.First(result => result.Name == model.Name).Match)
            .OfType<Phases.BudgetOutcome>(),
    };

    private static Dictionary<string, object> Describe(Study study, ModelResult model, IReadOnlyList<ModelFigure> figures) =>
        figures.ToDictionary(figure => figure.Title, figure => Describe(study.Of(model.Name, figure.Value)));

    private static object Describe(Comparison comparison) => new
    {
        comparison.Model,
        comparison.Against,
        Figure = comparison.Figure.Title,
        Difference = Describe(comparison.Difference),
        Change = Describe(comparison.Change),
        comparison.Held,
        comparison.Count,
        comparison.Verdict,
    };

    private static object Describe(Sample sample) =>
        new { sample.Mean, sample.StandardDeviation, sample.HalfWidth, sample.Values };
}

/// <summary>Comma-separated values by RFC 4180, with numbers in the invariant culture and to their last digit.</summary>
internal sealed class CsvText
{
    private static readonly char[] Special = [',', '"', '\r', '\n'];

    private readonly StringBuilder text = new();

    /// <summary>Appends a line.</summary>
    public void AddLine(IEnumerable<object> fields)
    {
        var texts = fields.Select(field => Convert.ToString(field, CultureInfo.InvariantCulture)!);
        text.AppendJoin(',', texts.Select(Quoted)).Append("\r\n");
    }

    /// <inheritdoc/>
    public override string ToString() => text.ToString();

    private static string Quoted(string field) =>
        field.IndexOfAny(Special) < 0 ? field : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
