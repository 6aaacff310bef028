using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Models.Costs;
using Bam.Upcycling;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Dense checkpoints to one mixture, without training.</summary>
internal sealed class Mix : Verb
{
    private static readonly Dictionary<string, AttentionInitialization> AttentionInits = new()
    {
        ["copy"] = AttentionInitialization.Copy,
        ["mean"] = AttentionInitialization.Mean,
        ["weighted-mean"] = AttentionInitialization.WeightedMean,
        ["seed"] = AttentionInitialization.Seed,
        ["random"] = AttentionInitialization.Random,
    };

    private readonly Argument<string> method = new("METHOD")
    {
        Description = string.Join("; ", MixtureMethods.All.Select(method => $"{method.Name}: {method.Description}")),
    };

    private readonly Option<string> seed = new("--seed")
    {
        Description = "The dense checkpoint that the others are copies of; it becomes the first expert",
        Required = true,
        HelpName = "DIR",
    };

    private readonly Option<string[]> experts = new("--expert")
    {
        Description = "A specialised copy of the seed, or BASE+ADAPTER with a LoRA adapter; repeat the option for several, in "
            + "the order of the experts",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };

    private readonly Option<string?> output = new("--output")
    {
        Description = "The checkpoint directory to write",
        HelpName = "DIR",
    };

    private readonly Option<bool> shareKeyValue = new("--share-key-value")
    {
        Description = "bam: share keys and values among the attention experts",
    };

    private readonly Option<int?> attentionTopK = new("--attention-top-k")
    {
        Description = "bam: route each token to K attention experts instead of all",
        HelpName = "K",
    };

    private readonly Option<string> attentionInit = new("--attention-init")
    {
        Description = $"bam: how the attention experts are initialised: {string.Join(", ", AttentionInits.Keys)}",
        DefaultValueFactory = _ => "copy",
        HelpName = "I",
    };

    private readonly Option<int?> feedForwardExperts = new("--experts")
    {
        Description = "Number of feed-forward experts; more than there are models adds copies of the seed's",
        HelpName = "M",
    };

    private readonly Option<int?> topK = new("--top-k")
    {
        Description = "Feed-forward experts per token [default: 1]",
        HelpName = "K",
    };

    private readonly Option<bool> normTopK = new("--norm-topk")
    {
        Description = "Normalise the weights of the K experts to sum to 1, as Mixtral does",
    };

    private readonly Option<long> routerSeed = new("--router-seed")
    {
        Description = "Random seed of the routers [default: 0]",
        HelpName = "S",
    };

    private readonly Option<string[]> routerTexts = new("--router-text")
    {
        Description = "Calibrate the routers instead of drawing them at random: one text of each model's domain, the seed's "
            + "first (.txt, .jsonl, .parquet; also .gz, .zst; a folder, a quoted pattern, or a folder written by "
            + "'bam data build')",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = true,
        HelpName = "PATH",
    };

    private readonly Option<int> routerTokens = new("--router-tokens")
    {
        Description = "Tokens to read from the beginning of each router text",
        DefaultValueFactory = _ => 16_384,
        HelpName = "N",
    };

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();

    private readonly Option<string> device = DeviceOption.Create("Device for --router-text: auto, cpu or cuda:N");

    private readonly Option<bool> resizeEmbeddings = new("--resize-embeddings")
    {
        Description = "Accept models with added tokens: use the largest vocabulary, "
            + "and for each row the mean of the models that have it",
    };

    private readonly Option<string?> format = new("--format")
    {
        Description = "Write the mixture for other software instead of in Bam's format: "
            + $"{string.Join("; ", ExportFormats.Forms.Select(format => $"{format.Name}: {format.Description}"))}",
        HelpName = "F",
    };

    private readonly Option<string?> dtype = new("--dtype")
    {
        Description = "float32, bfloat16, float16 or float64 [default: the models']",
        HelpName = "T",
    };

    private readonly Option<string?> weights = new("--weights")
    {
        Description = "Weight of each model, the seed's first, in the mean of the parameters that are not experts; normalised "
            + "to sum to 1 [default: equal weights]",
        HelpName = "W,W,…",
    };

    private readonly Option<string> shardSize = new("--shard-size")
    {
        Description = "Maximum size of the tensors in one output file, such as 5GB or 500MB",
        DefaultValueFactory = _ => "5GB",
        HelpName = "SIZE",
    };

    private readonly Option<bool> checkFinite = new("--check-finite")
    {
        Description = "Check all models for NaN and infinity before writing anything",
    };

    private readonly Option<bool> dryRun = new("--dry-run")
    {
        Description = "Show how every tensor would be made; write nothing",
    };

    public Mix()
        : base(
            "mix", "Make a mixture of several dense checkpoints, without training",
            "bam mix bam --seed seed --expert law --expert code --expert mathematics --output mixture")
    {
        Arguments.Add(this.method);
        foreach (var option in new Option[]
        {
            seed, experts, this.output, shareKeyValue, attentionTopK, attentionInit, feedForwardExperts, topK, normTopK,
            routerSeed, routerTexts, routerTokens, skipBadLines, device, format, this.dtype, weights, resizeEmbeddings,
            shardSize, checkFinite, dryRun,
        })
        {
            Options.Add(option);
        }
    }

    public override int Execute(Invocation invocation)
    {
        var output = invocation.Get(this.output);
        var isDryRun = invocation.Get(dryRun);
        if (output is null && !isDryRun)
        {
            throw new InvalidInputException(
                "--output", "the directory to write", "none", "add it, or --dry-run to write nothing");
        }

        var options = new MixtureOptions
        {
            Seed = invocation.GetRequired(seed),
            Experts = invocation.Get(experts)!,
            ShareKeyValue = invocation.Get(shareKeyValue),
            AttentionTopK = invocation.Get(attentionTopK),
            AttentionInitialization = ParseAttentionInit(invocation.GetRequired(attentionInit)),
            FeedForwardExperts = invocation.Get(feedForwardExperts),
            TopK = invocation.Get(topK),
            NormTopK = invocation.Get(normTopK),
            RouterSeed = invocation.Get(routerSeed),
            RouterTexts = TextsOf(invocation),
            Form = invocation.Get(format) is { } name ? ExportFormats.FormNamed(name) : OwnForm.Instance,
            Dtype = DtypeOption.Parse(invocation.Get(this.dtype)),
            Weights = ParseWeights(invocation.Get(weights)),
            ResizeEmbeddings = invocation.Get(resizeEmbeddings),
            ShardBytes = ByteSize.Parse("--shard-size", invocation.GetRequired(shardSize)),
            CheckFinite = invocation.Get(checkFinite),
        };
        var method = invocation.GetRequired(this.method);
        Consoles.BeginLoad();
        if (isDryRun)
        {
            if (output is not null) Upcycler.RequireOutput(options, output);
            MixturePlanView.Show(Upcycler.Plan(method, options, invocation.Reporter), invocation);
            return ExitStatus.Done;
        }

        var plan = Upcycler.Mix(method, options, output!, invocation.Reporter, invocation.Cancellation);
        if (invocation.IsGiven(routerSeed) && !plan.HasRandomNumbers)
            invocation.Reporter.Warn("--router-seed: has no effect, because nothing in this mixture is random");
        var size = ModelSize.Of(plan.Config);
        var result = new Result(
            output!, plan.Method.Name, plan.Config.NumAttentionExperts, plan.Config.NumLocalExperts, plan.Config.NumExpertsPerTok,
            plan.Dtype.TorchName, size.Total, size.Active, plan.ByteLength, plan.Files);
        var parameters = string.Create(CultureInfo.InvariantCulture, $"{size.Total:N0} parameters, {size.Active:N0} active");
        var models = options.Models.Count;
        var shards = plan.Files > 1 ? $" in {plan.Files} shards" : "";
        invocation.WriteResult(result, console => console.LabelledLine(
            $"{output}: {result.Method} of {models} models, {parameters}, {result.Dtype}, {result.Bytes:N0} bytes{shards}"));
        return ExitStatus.Done;
    }

    private RouterTexts? TextsOf(Invocation invocation)
    {
        if (invocation.Get(routerTexts) is { Length: > 0 } inputs)
        {
            return new(inputs, invocation.Get(routerTokens))
            {
                SkipBadLines = SkipBadLinesOption.Of(invocation, skipBadLines),
                Device = invocation.GetRequired(device),
            };
        }

        if (new Option[] { routerTokens, skipBadLines, device }.FirstOrDefault(invocation.IsGiven) is { } option)
            throw new InvalidInputException(
                option.Name, "a --router-text of each model beside it", "none", "add them or leave it out");
        return null;
    }

    private static AttentionInitialization ParseAttentionInit(string name) =>
        AttentionInits.TryGetValue(name, out var init)
            ? init
            : throw new InvalidInputException(
                "--attention-init", string.Join(", ", AttentionInits.Keys), name, "choose one of these");

    private static double[]? ParseWeights(string? list) =>
        list?.Split(',').Select(text => ParseWeight(text, list)).ToArray();

    private static double ParseWeight(string text, string list) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var weight)
            ? weight
            : throw new InvalidInputException(
                "--weights", "numbers separated by commas, such as 0.4,0.2,0.2,0.2", list, "correct it");

    private sealed record Result(
        string Output, string Method, int AttentionExperts, int FeedForwardExperts, int TopK, string Dtype, long Parameters,
        long ActiveParameters, long Bytes, int Files);
}

/// <summary>A plan: human-readable with one line for all layers, or as JSON with every tensor.</summary>
internal static partial class MixturePlanView
{
    public static void Show(MixturePlan plan, Invocation invocation)
    {
        var result = new
        {
            Method = plan.Method.Name,
            Dtype = plan.Dtype.TorchName,
            Bytes = plan.ByteLength,
            plan.Options.Models,
            Tensors = plan.Tensors.Select(tensor => new
            {
                tensor.Parameter.Name,
                tensor.Parameter.Shape,
                From = NameOf(tensor.Recipe),
                Model = (tensor.Recipe as TensorRecipe.Copy)?.Model,
                Weights = (tensor.Recipe as TensorRecipe.WeightedMean)?.Weights,
            }),
        };
        invocation.WriteResult(result, console => console.Write(Draw(plan)));
    }

    private static Table Draw(MixturePlan plan)
    {
        var caption = string.Create(
            CultureInfo.InvariantCulture, $"{plan.Tensors.Count} tensors, {plan.Dtype.TorchName}, {plan.ByteLength:N0} bytes");
        var table = new Table().AddColumns("tensor", "shape", "from").Border(TableBorder.Simple).Caption(caption);
        foreach (var group in plan.Tensors.GroupBy(tensor => Layer().Replace(tensor.Parameter.Name, ".layers.*.")))
        {
            var tensor = group.First();
            table.AddRow(
                ResultText.Label(group.Key),
                ResultText.Label($"[{string.Join(", ", tensor.Parameter.Shape)}]"),
                ResultText.Label(Describe(tensor.Recipe, plan.Options)));
        }

        return table;
    }

    private static string NameOf(TensorRecipe recipe) => recipe switch
    {
        TensorRecipe.Copy => "copy",
        TensorRecipe.WeightedMean => "weighted-mean",
        TensorRecipe.MeanOfRows => "mean-of-rows",
        TensorRecipe.Normal => "normal",
        TensorRecipe.Constant => "constant",
        TensorRecipe.Calibrated => "calibrated",
        _ => "mean",
    };

    private static string Describe(TensorRecipe recipe, MixtureOptions options) => recipe switch
    {
        TensorRecipe.Copy copy => $"copy of {options.Models[copy.Model]}",
        TensorRecipe.WeightedMean mean =>
            $"mean of {mean.Weights.Count} models, weights {string.Join(", ", mean.Weights.Select(Describe))}",
        TensorRecipe.Normal normal =>
            string.Create(CultureInfo.InvariantCulture, $"random, N(0, σ = {normal.StandardDeviation})"),
        TensorRecipe.Constant constant => string.Create(CultureInfo.InvariantCulture, $"{constant.Value} everywhere"),
        TensorRecipe.MeanOfRows mean =>
            $"mean of {options.Models.Count} models, rows {string.Join(", ", mean.Spans.Select(Describe))}",
        TensorRecipe.Calibrated => $"calibrated on {string.Join(", ", options.RouterTexts!.Inputs)}",
        _ => $"mean of {options.Models.Count} models",
    };

    private static string Describe(float weight) => weight.ToString("0.###", CultureInfo.InvariantCulture);

    private static string Describe(RowSpan span) =>
        $"{span.Start} to {span.End - 1} {(span.Models.Count > 0 ? $"of {span.Models.Count}" : "the mean of all others")}";

    [GeneratedRegex(@"\.layers\.[0-9]+\.")]
    private static partial Regex Layer();
}
