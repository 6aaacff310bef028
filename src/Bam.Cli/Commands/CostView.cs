using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Models.Costs;
using Bam.Torch;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>What models cost, side by side, with the paper's figures beside ours.</summary>
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
    ];

    public static void Show(CostSubject subject, IReadOnlyList<ModelCost> costs, CostSettings settings, double? tokens, Invocation invocation)
    {
        var result = new
        {
            Model = subject.Name,
            SequenceLength = settings.Length,
            settings.BatchSize,
            Dtype = NameOf(settings.Dtype),
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
        var format = new CostTable.CountFormat(InMillions: costs.Count > 2);
        ParameterTable(costs, names, format).Write(console, costs.Any(cost => cost.Config.TieWordEmbeddings) ? "The head is the embedding matrix (tied)." : null);
        LayerTable(costs, names, format, settings.Length).Write(
            console, "As the paper counts (Table 10): two for each multiply-add; of the scores, queries times keys. Embeddings and head are left out.");
        ModelTable(costs, names, tokens).Write(console, "All layers and the head. Training is 3 × forward, with both products of the scores, counted causally.");
        CacheTable(costs, names).Write(console);
        MemoryTable(costs, names, settings).Write(
            console,
            "Values, gradients and moments are float32; activations are counted as the processor computes float32 and a GPU bfloat16. "
            + "The libraries (0.3 GB, with a GPU's 0.8 GB) and the allocator's slack come on top.");
        DrawPaper(console, [.. costs.SelectMany(cost => cost.Paper)], settings.Length);
    }

    private static CostTable ParameterTable(IReadOnlyList<ModelCost> costs, string[] names, CostTable.CountFormat format)
    {
        var table = new CostTable($"Parameters{format.Unit}", names);
        foreach (var (label, kinds) in Components)
        {
            var parts = costs.Select(cost => cost.Components.Where(component => kinds.Contains(component.Kind)).ToList()).ToList();
            if (parts.All(part => part.Count == 0)) continue;
            table.Add(label, parts.Select(part => part.Sum(component => component.Total)), format);
            if (parts.SelectMany(part => part).Any(component => component.Active != component.Total))
                table.Add("  of which active", parts.Select(part => part.Sum(component => component.Active)), format);
        }

        table.Add("total", costs.Select(cost => cost.Size.Total), format, isSum: true);
        table.Add("active", costs.Select(cost => cost.Size.Active), format, isSum: true);
        return table;
    }

    private static CostTable LayerTable(IReadOnlyList<ModelCost> costs, string[] names, CostTable.CountFormat format, int length)
    {
        var table = new CostTable(string.Create(CultureInfo.InvariantCulture, $"FLOPs of a token in a layer{format.Unit} (n_ctx = {length:N0})"), names);
        Add("attention router", layer => layer.AttentionRouter);
        Add("queries, keys, values", layer => layer.QueryKeyValue);
        Add("scores", layer => layer.Scores);
        Add("output projections", layer => layer.OutputProjection);
        Add("feed-forward router", layer => layer.FeedForwardRouter);
        Add("feed-forward", layer => layer.FeedForward);
        Add("total", layer => layer.Total, isSum: true);
        Add("attention, no router", layer => layer.Attention);
        return table;

        void Add(string label, Func<LayerFlops, long> count, bool isSum = false) => table.Add(label, costs.Select(cost => count(cost.InferenceLayer)), format, isSum);
    }

    private static CostTable ModelTable(IReadOnlyList<ModelCost> costs, string[] names, double? tokens)
    {
        var table = new CostTable("FLOPs of a token in the whole model", names);
        table.Add("inference", costs.Select(cost => Quantity.Short(cost.InferenceFlops)));
        table.Add("training", costs.Select(cost => Quantity.Short(cost.TrainingFlops)));
        if (tokens is { } count) table.Add($"training on {Quantity.Tokens(count)}", costs.Select(cost => Quantity.Flops(count * cost.TrainingFlops)), isSum: true);
        return table;
    }

    private static CostTable CacheTable(IReadOnlyList<ModelCost> costs, string[] names)
    {
        var table = new CostTable("Key-value cache, bytes of a token", names);
        var format = new CostTable.CountFormat(InMillions: false);
        table.Add("float32", costs.Select(cost => cost.CacheBytesFloat32), format);
        table.Add("bfloat16", costs.Select(cost => cost.CacheBytesBfloat16), format);
        return table;
    }

    private static CostTable MemoryTable(IReadOnlyList<ModelCost> costs, string[] names, CostSettings settings)
    {
        var table = new CostTable(string.Create(CultureInfo.InvariantCulture, $"Memory of training on {settings.BatchSize:N0} × {settings.Length:N0} tokens in {NameOf(settings.Dtype)}"), names);
        Add("parameters", memory => memory.Parameters);
        Add("gradients", memory => memory.Gradients);
        Add("AdamW's moments", memory => memory.Moments);
        Add("activations", memory => memory.Activations);
        Add("working memory", memory => memory.Working);
        Add("total", memory => memory.Total, isSum: true);
        return table;

        void Add(string label, Func<TrainingMemory, long> bytes, bool isSum = false) => table.Add(label, costs.Select(cost => Quantity.Short(bytes(cost.Memory), "B")), isSum);
    }

    private static void DrawPaper(IAnsiConsole console, IReadOnlyList<PaperFigure> figures, int length)
    {
        if (figures.Count == 0) return;
        var table = new CostTable("Beside the paper", ["ours", "paper", "difference"]);
        var groups = figures.GroupBy(figure => (figure.Quantity, figure.Source)).ToList();
        var notes = groups.SelectMany(group => group).Select(figure => figure.Explanation).OfType<string>().Distinct().ToList();
        foreach (var group in groups)
        {
            table.AddGroup($"{Words(group.Key.Quantity)} ({group.Key.Source})");
            foreach (var figure in group) table.Add($"  {figure.Model}", [Exact(figure.Ours), Exact(figure.Paper), Difference(figure, notes)]);
        }

        table.Write(console);
        var list = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(1)).AddColumn(new GridColumn().PadRight(0));
        for (var i = 0; i < notes.Count; i++) list.AddRow(ResultText.Label($"({i + 1})"), ResultText.Label(notes[i]));
        console.Write(list);
        if (length != PaperFigures.Context)
            console.MarkupLine(CultureInfo.InvariantCulture, $"[grey]Here the FLOPs are those at the paper's n_ctx, {PaperFigures.Context}.[/]");
    }

    // The note's number has its place in every row, so that the figures stay in line.
    private static string Difference(PaperFigure figure, List<string> notes) => figure.Explanation is { } why
        ? $"{figure.Difference.ToString("+#,0;−#,0", CultureInfo.InvariantCulture)} ({notes.IndexOf(why) + 1})"
        : "equal    ";

    private static string Words(PaperQuantity quantity) => quantity switch
    {
        PaperQuantity.Parameters => "parameters",
        PaperQuantity.ActiveParameters => "active parameters",
        PaperQuantity.AttentionFlops => "FLOPs in attention",
        _ => "FLOPs in a layer",
    };

    private static string Exact(long count) => count.ToString("N0", CultureInfo.InvariantCulture);
}
