using System.CommandLine;
using System.Globalization;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Models.Costs;
using Bam.Upcycling;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Checkpoint surgery: dense checkpoints to one mixture, without training.</summary>
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
        Description = "The dense checkpoint that the others were copied from; the first expert",
        Required = true,
        HelpName = "DIR",
    };

    private readonly Option<string[]> experts = new("--expert")
    {
        Description = "A specialised copy of the seed; give one for each, in the order of the experts",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };

    private readonly Option<string?> output = new("--output")
    {
        Description = "The checkpoint directory to write", HelpName = "DIR",
    };

    private readonly Option<bool> shareKeyValue = new("--share-key-value")
    {
        Description = "bam: one K and V for all attention experts",
    };

    private readonly Option<int?> attentionTopK = new("--attention-top-k")
    {
        Description = "bam: route attention to K experts instead of to all", HelpName = "K",
    };

    private readonly Option<string> attentionInit = new("--attention-init")
    {
        Description = $"bam: what the attention experts start from: {string.Join(", ", AttentionInits.Keys)}",
        DefaultValueFactory = _ => "copy",
        HelpName = "I",
    };

    private readonly Option<int?> feedForwardExperts = new("--experts")
    {
        Description = "Feed-forward experts; those beyond the models are copies of the seed's", HelpName = "M",
    };

    private readonly Option<int?> topK = new("--top-k")
    {
        Description = "Feed-forward experts of one token (1 unless given)", HelpName = "K",
    };

    private readonly Option<bool> normTopK = new("--norm-topk")
    {
        Description = "Divide the K weights by their sum, as Mixtral does",
    };

    private readonly Option<long> routerSeed = new("--router-seed")
    {
        Description = "Seed of the routers' random numbers (0 unless given)", HelpName = "S",
    };

    private readonly Option<string[]> routerTexts = new("--router-text")
    {
        Description = "Calibrated routers instead of random ones: a text of each model's domain (.txt, .jsonl, .jsonl.gz, a "
            + "folder, a quoted pattern, or what 'bam data build' made), the seed's first",
        DefaultValueFactory = _ => [],
        AllowMultipleArgumentsPerToken = true,
        HelpName = "PATH",
    };

    private readonly Option<int> routerTokens = new("--router-tokens")
    {
        Description = "Tokens of each router text to read, from its beginning", DefaultValueFactory = _ => 16_384, HelpName = "N",
    };

    private readonly Option<long> skipBadLines = SkipBadLinesOption.Create();
    private readonly Option<string> device = DeviceOption.Create("Where the seed reads the router texts: auto, cpu or cuda:N");
    private readonly Option<bool> resizeEmbeddings = new("--resize-embeddings")
    {
        Description = "Take models with added tokens: the largest vocabulary, each row the mean of the models that have it",
    };

    private readonly Option<string?> format = new("--format")
    {
        Description = "Write it for other software instead of as Bam does: "
            + $"{string.Join("; ", ExportFormats.Forms.Select(format => $"{format.Name}: {format.Description}"))}",
        HelpName = "F",
    };

    private readonly Option<string?> dtype = new("--dtype")
    {
        Description = "float32, bfloat16, float16 or float64; the models' unless given", HelpName = "T",
    };

    private readonly Option<string?> weights = new("--weights")
    {
        Description = "A weight of each model, the seed's first, in the mean of what is not an expert; divided by their sum "
            + "(equal unless given)",
        HelpName = "W,W,…",
    };

    private readonly Option<string> shardSize = new("--shard-size")
    {
        Description = "The most bytes of tensors in one file of the output, as 5GB or 500MB",
        DefaultValueFactory = _ => "5GB",
        HelpName = "SIZE",
    };

    private readonly Option<bool> checkFinite = new("--check-finite")
    {
        Description = "Read all models for NaN and infinity before anything is written",
    };

    private readonly Option<bool> dryRun = new("--dry-run") { Description = "Show what every tensor would be and write nothing" };

    public Mix()
        : base(
            "mix", "Make one mixture of several dense checkpoints, without training",
            "bam mix bam --seed seed --expert law --expert code --expert mathematics --output mixture")
    {
        Arguments.Add(this.method);
        foreach (var option in new Option[]
        {
            seed, experts, this.output, shareKeyValue, attentionTopK, attentionInit, feedForwardExperts, topK, normTopK,
            routerSeed, routerTexts,
            routerTokens, skipBadLines, device, format, this.dtype, weights, resizeEmbeddings, shardSize, checkFinite, dryRun,
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
        if (isDryRun)
        {
            if (output is not null) Upcycler.RequireOutput(options, output);
            MixturePlanView.Show(Upcycler.Plan(method, options, invocation.Reporter), invocation);
            return ExitStatus.Done;
        }

        var plan = Upcycler.Mix(method, options, output!, invocation.Reporter, invocation.Cancellation);
        if (invocation.IsGiven(routerSeed) && !plan.HasRandomNumbers)
            invocation.Reporter.Warn("--router-seed: nothing of this mixture is random; it has no part in it");
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
        list?.Split(',').Select(text =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var weight)
                ? weight
                : throw new InvalidInputException(
                    "--weights", "numbers with commas between them, as 0.4,0.2,0.2,0.2", list, "correct it")).ToArray();

    private sealed record Result(
        string Output, string Method, int AttentionExperts, int FeedForwardExperts, int TopK, string Dtype, long Parameters,
        long ActiveParameters, long Bytes, int Files);
}
