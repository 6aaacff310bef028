using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Models.Costs;
using Bam.Torch;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>The costs of models side by side, compared with the paper's figures.</summary>
internal static class CostView
{
    private static readonly (string Label, ParameterKind[] Kinds)[] Components =
    [
        ("embeddings", [ParameterKind.Embedding]),
        ("head", [ParameterKind.Head]),
        ("norms", [ParameterKind.Norm, ParameterKind.QueryNorm, ParameterKind.KeyNorm]),
        ("attention router", [ParameterKind.AttentionRouter]),
        ("queries", [ParameterKind.Query]),
        ("keys", [ParameterKind.Key]),
        ("values", [ParameterKind.Value]),
        ("output projections", [ParameterKind.Output]),
        ("feed-forward router", [ParameterKind.FeedForwardRouter]),
        ("feed-forward", [ParameterKind.Gate, ParameterKind.Up, ParameterKind.Down]),
        (
            "shared feed-forward",
            [ParameterKind.SharedExpertGate, ParameterKind.SharedGate, ParameterKind.SharedUp, ParameterKind.SharedDown]),
    ];

    public static void Show(
        CostSubject subject, IReadOnlyList<ModelCost> costs, CostSettings settings, double? tokens, Invocation invocation)
    {
        var result = new
        {
            Model = subject.Name,
            SequenceLength = settings.Length,
            settings.BatchSize,
            Dtype = NameOf(settings.Dtype),
            settings.ActivationCheckpointing,
            Tokens = tokens,
            Models = costs.Select(cost => new
            {
                cost.Name,
                Parameters = cost.Size.Total,
                ActiveParameters = cost.Size.Active,
                cost.Components,
                InferenceFlopsPerLayer = cost.InferenceLayer,
                cost.InferenceFlops,
                cost.TrainingFlops,
                TrainingFlopsOfTokens = tokens * cost.TrainingFlops,
                CacheBytes = new { Float32 = cost.CacheBytesFloat32, Bfloat16 = cost.CacheBytesBfloat16 },
                TrainingMemory = cost.Memory,
                cost.Paper,
                Config = JsonNode.Parse(cost.Config.ToJson()),
            }),
        };
        invocation.WriteResult(result, console => Draw(console, costs, settings, tokens));
    }

    /// <summary>"float32" or "bfloat16".</summary>
    public static string NameOf(ScalarType dtype) => dtype == ScalarType.BFloat16 ? "bfloat16" : "float32";

    private static void Draw(IAnsiConsole console, IReadOnlyList<ModelCost> costs, CostSettings settings, double? tokens)
    {
        string[] names = [.. costs.Select(cost => cost.Name)];
        var format = new TitledTable.CountFormat(InMillions: costs.Count > 2);
        ParameterTable(costs, names, format).Write(
            console, costs.Any(cost => cost.Config.TieWordEmbeddings) ? "The head is the embedding matrix (tied)." : null);
        LayerTable(costs, names, format, settings.Length).Write(
            console,
            "Counted as in the paper (Table 10): two per multiply-add; scores count only queries times keys. "
            + "Embeddings and head are excluded.");
        ModelTable(costs, names, tokens).Write(
            console, "All layers and the head. Training is 3 × forward and counts both attention products, causally masked.");
        CacheTable(costs, names).Write(console);
        MemoryTable(costs, names, settings).Write(
            console,
            "Parameters, gradients and moments are float32. "
            + "Activations are counted for float32 on a CPU and for bfloat16 on a GPU. "
            + "Libraries (0.3 GB, or 0.8 GB with a GPU) and allocator overhead are not included.");
        DrawPaper(console, [.. costs.SelectMany(cost => cost.Paper)], settings.Length);
    }

    private static TitledTable ParameterTable(IReadOnlyList<ModelCost> costs, string[] names, TitledTable.CountFormat format)
    {
        var table = new TitledTable($"Parameters{format.Unit}", names);
        foreach (var (label, kinds) in Components)
        {
            var parts = costs
                .Select(cost => cost.Components.Where(component => kinds.Contains(component.Kind)).ToList())
                .ToList();
            if (parts.All(part => part.Count == 0)) continue;
            table.Add(label, parts.Select(part => part.Sum(component => component.Total)), format);
            if (parts.SelectMany(part => part).Any(component => component.Active != component.Total))
                table.Add("  of which active", parts.Select(part => part.Sum(component => component.Active)), format);
        }

        table.Add("total", costs.Select(cost => cost.Size.Total), format, isSum: true);
        table.Add("active", costs.Select(cost => cost.Size.Active), format, isSum: true);
        return table;
    }

    private static TitledTable LayerTable(
        IReadOnlyList<ModelCost> costs, string[] names, TitledTable.CountFormat format, int length)
    {
        var table = new TitledTable(
            string.Create(CultureInfo.InvariantCulture, $"FLOPs per token and layer{format.Unit} (n_ctx = {length:N0})"), names);
        Add("attention router", layer => layer.AttentionRouter);
        Add("queries, keys, values", layer => layer.QueryKeyValue);
        Add("scores", layer => layer.Scores);
        Add("output projections", layer => layer.OutputProjection);
        Add("feed-forward router", layer => layer.FeedForwardRouter);
        Add("feed-forward", layer => layer.FeedForward);
        Add("total", layer => layer.Total, isSum: true);
        Add("attention, no router", layer => layer.Attention);
        return table;

        void Add(string label, Func<LayerFlops, long> count, bool isSum = false) =>
            table.Add(label, costs.Select(cost => count(cost.InferenceLayer)), format, isSum);
    }

    private static TitledTable ModelTable(IReadOnlyList<ModelCost> costs, string[] names, double? tokens)
    {
        var table = new TitledTable("FLOPs per token in the whole model", names);
        table.Add("inference", costs.Select(cost => Quantity.Short(cost.InferenceFlops)));
        table.Add("training", costs.Select(cost => Quantity.Short(cost.TrainingFlops)));
        if (tokens is { } count)
        {
            var flops = costs.Select(cost => Quantity.Flops(count * cost.TrainingFlops));
            table.Add($"training on {Quantity.Tokens(count)}", flops, isSum: true);
        }

        return table;
    }

    private static TitledTable CacheTable(IReadOnlyList<ModelCost> costs, string[] names)
    {
        var table = new TitledTable("Key-value cache, bytes per token", names);
        var format = new TitledTable.CountFormat(InMillions: false);
        table.Add("float32", costs.Select(cost => cost.CacheBytesFloat32), format);
        table.Add("bfloat16", costs.Select(cost => cost.CacheBytesBfloat16), format);
        return table;
    }

    private static TitledTable MemoryTable(IReadOnlyList<ModelCost> costs, string[] names, CostSettings settings)
    {
        var table = new TitledTable(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Training memory for {settings.BatchSize:N0} × {settings.Length:N0} tokens in {NameOf(settings.Dtype)}")
                + (settings.ActivationCheckpointing ? ", with activation checkpointing" : ""),
            names);
        Add("parameters", memory => memory.Parameters);
        Add("gradients", memory => memory.Gradients);
        Add("AdamW's moments", memory => memory.Moments);
        Add("activations", memory => memory.Activations);
        Add("working memory", memory => memory.Working);
        Add("total", memory => memory.Total, isSum: true);
        return table;

        void Add(string label, Func<TrainingMemory, long> bytes, bool isSum = false) =>
            table.Add(label, costs.Select(cost => Quantity.Short(bytes(cost.Memory), "B")), isSum);
    }

    private static void DrawPaper(IAnsiConsole console, IReadOnlyList<PaperFigure> figures, int length)
    {
        if (figures.Count == 0) return;
        var table = new TitledTable("Comparison with the paper", ["ours", "paper", "difference"]);
        var groups = figures.GroupBy(figure => (figure.Quantity, figure.Source)).ToList();
        var notes = groups.SelectMany(group => group).Select(figure => figure.Explanation).OfType<string>().Distinct().ToList();
        foreach (var group in groups)
        {
            table.AddGroup($"{Words(group.Key.Quantity)} ({group.Key.Source})");
            foreach (var figure in group)
                table.Add($"  {figure.Model}", [Exact(figure.Ours), Exact(figure.Paper), Difference(figure, notes)]);
        }

        table.Write(console);
        var list = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(1)).AddColumn(new GridColumn().PadRight(0));
        for (var i = 0; i < notes.Count; i++) list.AddRow(ResultText.Label($"({i + 1})"), ResultText.Label(notes[i]));
        console.Write(list);
        if (length != PaperFigures.Context)
            console.MarkupLine(
                CultureInfo.InvariantCulture, $"[grey]FLOPs in this table are at the paper's n_ctx, {PaperFigures.Context}.[/]");
    }

    // Every row has room for the number of a note, so that the figures stay aligned.
    private static string Difference(PaperFigure figure, List<string> notes) => figure.Explanation is { } why
        ? $"{figure.Difference.ToString("+#,0;−#,0", CultureInfo.InvariantCulture)} ({notes.IndexOf(why) + 1})"
        : "equal    ";

    private static string Words(PaperQuantity quantity) => quantity switch
    {
        PaperQuantity.Parameters => "parameters",
        PaperQuantity.ActiveParameters => "active parameters",
        PaperQuantity.AttentionFlops => "attention FLOPs per layer",
        _ => "FLOPs per layer",
    };

    private static string Exact(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}

/// <summary>A table of components × models under a title. Five models fit 80 columns.</summary>
internal sealed class TitledTable
{
    private readonly string title;
    private readonly Table table = new Table().Border(TableBorder.Simple).AddColumn(new TableColumn("").NoWrap().Padding(0, 0));

    public TitledTable(string title, IReadOnlyList<string> columns)
    {
        this.title = title;
        foreach (var column in columns)
            table.AddColumn(new TableColumn(ResultText.Label(column)).RightAligned().Padding(2, 0, 0, 0));
    }

    /// <summary>A row of counts, 0 drawn as a dash.</summary>
    public void Add(string label, IEnumerable<long> counts, CountFormat format, bool isSum = false) =>
        Add(label, counts.Select(format.Write), isSum);

    /// <summary>A row of texts.</summary>
    public void Add(string label, IEnumerable<string> cells, bool isSum = false) =>
        table.AddRow([.. cells.Prepend(label).Select(ResultText.Label).Select(cell => isSum ? $"[bold]{cell}[/]" : cell)]);

    /// <summary>The head of a group of rows.</summary>
    public void AddGroup(string label) => table.AddRow($"[grey]{ResultText.Label(label)}[/]");

    /// <summary>Draws the title, the table, and what there is to say about it.</summary>
    public void Write(IAnsiConsole console, string? note = null)
    {
        console.MarkupLine($"[bold]{ResultText.Label(title)}[/]");
        console.Write(table);
        if (note is not null) console.MarkupLine($"[grey]{ResultText.Label(note)}[/]\n");
    }

    /// <summary>How a table writes its counts: whole, or in millions where several models stand side by side.</summary>
    internal sealed record CountFormat(bool InMillions)
    {
        /// <summary>Behind the title.</summary>
        public string Unit => InMillions ? ", in millions" : "";

        /// <summary>The count, or a dash for none.</summary>
        public string Write(long count)
        {
            if (count == 0) return "–";
            return InMillions
                ? (count / 1e6).ToString("#,0.000", CultureInfo.InvariantCulture)
                : count.ToString("N0", CultureInfo.InvariantCulture);
        }
    }
}
