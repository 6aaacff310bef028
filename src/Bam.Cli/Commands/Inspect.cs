using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Adapters;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Configuration;
using Bam.Models.Costs;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Shows the contents of a checkpoint, or the differences between two.</summary>
internal sealed class Inspect : Verb
{
    private readonly Argument<string> model = new("MODEL") { Description = "A checkpoint directory, or BASE+ADAPTER" };

    private readonly Argument<string?> other = new("OTHER")
    {
        Description = "A second checkpoint to compare with",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public Inspect()
        : base("inspect", "Show the contents of a checkpoint, or the differences between two", "bam inspect seed mixture")
    {
        Arguments.Add(this.model);
        Arguments.Add(this.other);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        Consoles.BeginLoad();
        using var model = Checkpoint.Open(invocation.GetRequired(this.model), invocation.Reporter);
        if (invocation.Get(this.other) is not { } path)
        {
            InspectView.Show(CheckpointSummary.Of(model), invocation);
            return ExitStatus.Done;
        }

        using var other = Checkpoint.Open(path, invocation.Reporter);
        var comparison = CheckpointComparison.Of(model, other, invocation.Reporter, invocation.Cancellation);
        ComparisonView.Show(comparison, model.Name, other.Name, invocation);
        return ExitStatus.Done;
    }
}

/// <summary>A checkpoint's summary, human-readable or as JSON.</summary>
internal static class InspectView
{
    public static void Show(CheckpointSummary summary, Invocation invocation)
    {
        var size = ModelSize.Of(summary.Config);
        invocation.WriteResult(AsJson, console =>
        {
            console.Write(DrawFacts(summary, size));
            console.Write(DrawComponents(summary));
        });

        object AsJson() => new
        {
            summary.Directory,
            Adapters = summary.Adapters.Select(adapter => new { adapter.Directory, adapter.Modules, adapter.Replaced }),
            summary.ModelType,
            summary.Kind,
            Dtype = summary.Dtypes[0].Dtype.TorchName,
            Dtypes = summary.Dtypes.Select(count => new { Dtype = count.Dtype.TorchName, count.Tensors }),
            summary.Parameters,
            ActiveParameters = size.Active,
            Components = summary.Components,
            Files = summary.Files,
            summary.TokenizerIds,
            Config = JsonNode.Parse(summary.Config.ToJson()),
        };
    }

    private static Grid DrawFacts(CheckpointSummary summary, ModelSize size)
    {
        var config = summary.Config;
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        var family = summary.ModelType == "bam" ? "" : $", family {summary.ModelType}";
        Add("model", $"{summary.Directory} ({summary.Kind}{family})");
        foreach (var adapter in summary.Adapters) AddText("folded in", DescribeAdapter(adapter));
        var sizes = Text($"hidden {config.HiddenSize:N0}, feed-forward {config.IntermediateSize:N0}");
        Add("layers", $"{config.NumHiddenLayers} {DescribeBlock(config)}, {sizes}");
        var heads = $"{config.NumAttentionHeads} heads of {config.HeadDim}, {config.NumKeyValueHeads} key-value heads";
        Add("attention", $"{heads}, {DescribeAttention(config)}{DescribeExtras(config)}");
        AddText("feed-forward", DescribeFeedForward(config));
        var rotary = Text($"rotary base {config.RopeTheta:N0}{(config.RopeInterleaved ? ", interleaved" : "")}");
        var dimensions = $"{config.RotaryDim} of {config.HeadDim} dimensions{DescribeScaling(config.RopeScaling)}";
        var without = config.NoRopeLayers.Count(flag => flag == 0);
        var exceptions = without == 0 ? "" : $", none in {without} of {config.NumHiddenLayers} layers";
        Add("positions", $"{config.MaxPositionEmbeddings:N0}, {rotary}, {dimensions}{exceptions}");
        var head = $"{(config.TieWordEmbeddings ? "tied" : "untied")} head{(config.LmHeadBias ? " with bias" : "")}";
        Add("vocabulary", $"{config.VocabSize:N0}, {head}");
        AddText("norm", DescribeNorm(config));
        if (DescribeFactors(config) is { Length: > 0 } factors) AddText("factors", factors);
        Add("parameters", $"{summary.Parameters:N0}, {size.Active:N0} active");
        var bytes = summary.Files.Sum(file => file.Bytes);
        Add("weights", $"{DescribeDtypes(summary.Dtypes)}, {bytes:N0} bytes in {Count(summary.Files.Count, "file")}");
        AddText("tokenizer", summary.TokenizerIds is { } ids ? Text($"{ids:N0} ids") : "none");
        return grid;

        void Add(string name, FormattableString value) => AddText(name, Text(value));
        void AddText(string name, string value) => grid.AddRow(name, ResultText.Label(value));
    }

    // "law: LoRA of rank 4, scale 2, in 4 modules (q_proj, v_proj); replaces lm_head.weight"
    private static string DescribeAdapter(FoldedAdapter adapter)
    {
        var parts = new List<string>();
        if (adapter.Modules is { Count: > 0 } modules)
        {
            var kind = modules.All(module => module.IsDora) ? "DoRA" : "LoRA";
            var names = modules.Select(module => module.Name[(module.Name.LastIndexOf('.') + 1)..]).Distinct();
            parts.Add(
                $"{kind} of rank {Range(modules.Select(module => (double)module.Rank))}, "
                + $"scale {Range(modules.Select(module => (double)module.Scale))}, in {Count(modules.Count, "module")} "
                + $"({string.Join(", ", names)})");
        }

        if (adapter.Replaced is [var replaced, ..])
            parts.Add($"replaces {TensorNames.WithMore(replaced, adapter.Replaced.Count - 1)}");
        return $"{adapter.Directory}: {string.Join("; ", parts)}";

        static string Range(IEnumerable<double> numbers) =>
            numbers.Distinct().Order().ToList() is [var first, .., var last]
                ? Text($"{first:0.####} to {last:0.####}")
                : Text($"{numbers.First():0.####}");
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static Table DrawComponents(CheckpointSummary summary)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("component");
        foreach (var name in new[] { "tensors", "parameters", "share" }) table.AddColumn(new TableColumn(name).RightAligned());
        foreach (var component in summary.Components)
        {
            table.AddRow(
                Words(component.Kind),
                component.Tensors.ToString("N0", CultureInfo.InvariantCulture),
                component.Parameters.ToString("N0", CultureInfo.InvariantCulture),
                (100.0 * component.Parameters / summary.Parameters).ToString("0.0' %'", CultureInfo.InvariantCulture));
        }

        return table;
    }

    /// <summary>A kind's name as words: "feed-forward router".</summary>
    public static string Words(ParameterKind kind) => kind switch
    {
        ParameterKind.AttentionRouter => "attention router",
        ParameterKind.FeedForwardRouter => "feed-forward router",
        ParameterKind.QueryNorm => "query norm",
        ParameterKind.KeyNorm => "key norm",
        ParameterKind.SharedExpertGate => "shared expert's gate",
        ParameterKind.SharedGate => "shared gate",
        ParameterKind.SharedUp => "shared up",
        ParameterKind.SharedDown => "shared down",
        _ => kind.ToString().ToLowerInvariant(),
    };

    private static string DescribeBlock(ModelConfig config) =>
        config.ParallelBlock ? config.SeparateNorms ? "parallel with two norms" : "parallel" : "sequential";

    private static string DescribeScaling(RopeScaling? scaling) =>
        scaling is null ? "" : Text($", {SnakeCase.Of(scaling.Type)} scaling by {scaling.Factor}");

    private static string DescribeExtras(ModelConfig config)
    {
        var extras = "";
        if (config.AttentionBias || config.AttentionOutputBias)
            extras += config.AttentionOutputBias ? ", biases" : ", biases of queries, keys and values";
        if (config.QueryKeyNorm != QueryKeyNorm.None)
            extras += $", queries and keys normed{(config.QueryKeyNorm == QueryKeyNorm.PerHead ? " per head" : "")}";
        if (config.SlidingWindow is { } window)
        {
            var sliding = config.LayerTypes.Count(type => type == LayerType.SlidingAttention);
            var where = sliding == 0 ? "" : $" in {sliding} of {config.NumHiddenLayers} layers";
            extras += Text($", window of {window:N0}{where}");
        }

        if (config.AttnLogitSoftcapping is { } cap) extras += Text($", scores capped at {cap}");
        if (config.ClipQkv is { } limit) extras += Text($", queries, keys and values clamped to {limit}");
        return extras;
    }

    // What multiplies and caps; empty for most families.
    private static string DescribeFactors(ModelConfig config)
    {
        var factors = new List<string>();
        if (config.EmbeddingMultiplier != 1) factors.Add(Text($"embeddings × {config.EmbeddingMultiplier:g6}"));
        if (config.AttentionMultiplier is { } scale) factors.Add(Text($"attention scores × {scale:g6}"));
        if (config.ResidualMultiplier != 1) factors.Add(Text($"branches × {config.ResidualMultiplier:g6}"));
        if (config.LogitScale != 1) factors.Add(Text($"logits × {config.LogitScale:g6}"));
        if (config.FinalLogitSoftcapping is { } cap) factors.Add(Text($"logits capped at {cap}"));
        return string.Join(", ", factors);
    }

    private static string DescribeNorm(ModelConfig config)
    {
        var kind = config.NormType == NormType.LayerNorm ? "LayerNorm" : "RMSNorm";
        var place = config.NormPlacement switch
        {
            NormPlacement.Output => ", after the branches",
            NormPlacement.Both => ", before and after the branches",
            _ => "",
        };
        return Text($"{kind} {(config.NormBias ? "with" : "without")} bias, ε {config.NormEps:g}{place}");
    }

    private static string DescribeAttention(ModelConfig config)
    {
        if (config.NumAttentionExperts == 1) return "dense";
        var routing = config.AttentionRouting == AttentionRouting.Soft
            ? "soft routing"
            : $"top {config.NumAttentionExpertsPerTok}";
        return $"{config.NumAttentionExperts} experts, {routing}, {(config.ShareKeyValue ? "shared" : "own")} keys and values";
    }

    private static string DescribeFeedForward(ModelConfig config) =>
        $"{config.HiddenAct}{(config.GatedMlp ? "" : " without gate")}{(config.MlpBias ? ", biases" : "")}, "
        + $"{DescribeFeedForwardExperts(config)}";

    private static string DescribeFeedForwardExperts(ModelConfig config) =>
        config.NumLocalExperts == 1
            ? "dense"
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{config.NumLocalExperts} experts, top {config.NumExpertsPerTok}, "
                + $"weights {(config.NormTopkProb ? "" : "not ")}renormalised, "
                + $"load balancing {config.RouterAuxLossCoef}, router z {config.RouterZLossCoef}")
            + (config.SharedExpertIntermediateSize is { } shared ? Text($", a shared expert of {shared:N0}") : "")
            + (config.MlpOnlyLayers.Count is > 0 and var layers
                ? Text($", {layers} of {config.NumHiddenLayers} layers dense with {config.DenseIntermediateSize:N0}")
                : "");

    private static string DescribeDtypes(IReadOnlyList<DtypeCount> dtypes) =>
        dtypes.Count == 1 ? dtypes[0].Dtype.TorchName : $"tensors: {DtypeCount.Describe(dtypes)}";

    private static string Count(int number, string noun) => number == 1 ? $"1 {noun}" : $"{number} {noun}s";
}

/// <summary>The differences between two checkpoints, human-readable or as JSON.</summary>
internal static class ComparisonView
{
    private const int ShownNames = 5;

    public static void Show(CheckpointComparison comparison, string first, string second, Invocation invocation)
    {
        var result = new
        {
            First = first,
            Second = second,
            Same = comparison.IsSame,
            comparison.Config,
            comparison.Tokenizer,
            comparison.OnlyInFirst,
            comparison.OnlyInSecond,
            comparison.Components,
        };
        invocation.WriteResult(result, console => Draw(comparison, first, second, console));
    }

    private static void Draw(CheckpointComparison comparison, string first, string second, IAnsiConsole console)
    {
        if (comparison.IsSame)
        {
            console.LabelledLine($"{first} and {second} are the same");
            return;
        }

        if (comparison.Config.Count > 0)
        {
            var table = new Table().Border(TableBorder.Simple)
                .AddColumns("config.json", ResultText.Label(first), ResultText.Label(second));
            foreach (var difference in comparison.Config)
                table.AddRow(difference.Key, ResultText.Label(difference.First), ResultText.Label(difference.Second));
            console.Write(table);
        }

        if (comparison.Tokenizer is { } tokenizer) console.LabelledLine($"tokenizer.json differs first in {tokenizer}");
        DrawNames($"only in {first}, or there in another shape", comparison.OnlyInFirst, console);
        DrawNames($"only in {second}, or there in another shape", comparison.OnlyInSecond, console);
        if (comparison.Components.Count == 0) return;
        var components = new Table().Border(TableBorder.Simple).AddColumn("component");
        foreach (var name in new[] { "tensors", "equal", "largest |a - b|", "‖a - b‖ / ‖a‖" })
            components.AddColumn(new TableColumn(name).RightAligned());
        foreach (var component in comparison.Components)
        {
            components.AddRow(
                InspectView.Words(component.Kind),
                component.Tensors.ToString(CultureInfo.InvariantCulture),
                component.EqualTensors.ToString(CultureInfo.InvariantCulture),
                component.LargestDifference.ToString("g3", CultureInfo.InvariantCulture),
                component.RelativeDifference.ToString("g3", CultureInfo.InvariantCulture));
        }

        console.Write(components);
    }

    private static void DrawNames(string title, IReadOnlyList<string> names, IAnsiConsole console)
    {
        if (names.Count == 0) return;
        var more = names.Count > ShownNames ? $" and {names.Count - ShownNames} more" : "";
        console.LabelledLine($"{title}: {string.Join(", ", names.Take(ShownNames))}{more}");
    }
}
