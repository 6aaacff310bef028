using System.CommandLine;
using System.Globalization;
using Bam.Checkpoints.Opening;
using Bam.Evaluation;
using Bam.Files;
using Bam.Models;
using Bam.Torch;
using Bam.Torch.Distributed;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Measures how long models take for a text, against the first of them.</summary>
internal sealed class EvalLatency : Verb
{
    private static readonly LatencyOptions Defaults = new();

    private readonly Argument<string[]> models = new("MODEL")
    {
        Description = "Checkpoint directories, BASE+ADAPTER, or config.json files for models with random weights",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int> promptTokens = new("--prompt-tokens")
    {
        Description = "Number of prompt tokens",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.PromptTokens,
    };

    private readonly Option<int> newTokens = new("--new-tokens")
    {
        Description = "Number of tokens to generate",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.NewTokens,
    };

    private readonly Option<int> runs = new("--runs")
    {
        Description = "Timed runs of each model, after one warm-up run",
        HelpName = "N",
        DefaultValueFactory = _ => Defaults.Runs,
    };

    private readonly Option<string> device = DeviceOption.Create();
    private readonly Option<string> weightsDtype = WeightsDtypeOption.Create();

    public EvalLatency()
        : base(
            "latency", "Measure the latency of models",
            "bam eval latency btx bam bam-shared-kv --prompt-tokens 256 --new-tokens 16")
    {
        Arguments.Add(models);
        foreach (var option in new Option[] { promptTokens, newTokens, runs, device, weightsDtype }) Options.Add(option);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        invocation = CommandRanks.Of(invocation);
        var options = new LatencyOptions
        {
            PromptTokens = invocation.Get(promptTokens),
            NewTokens = invocation.Get(newTokens),
            Runs = invocation.Get(runs),
        };
        var weightsType = WeightsDtypeOption.Of(invocation, weightsDtype);
        LibTorch.Load();
        var place = CommandRanks.DeviceOf(invocation, device);
        WeightsDtypeOption.Require(weightsType, place);
        CommandRanks.Run(invocation, place, ranks => Measure(options, place, weightsType, ranks, invocation));
        return ExitStatus.Done;
    }

    private void Measure(
        LatencyOptions options, Device place, ScalarType weightsType, ProcessGroup? ranks, Invocation invocation)
    {
        var names = invocation.GetRequired(models);
        var loaded = new List<LanguageModel>();
        try
        {
            foreach (var name in names) loaded.Add(Load(name, place, weightsType, ranks, invocation));
            var results = Latency.Measure(loaded, options, invocation.Reporter, invocation.Cancellation);
            var first = results[0].Total.Median;
            var measured = names
                .Zip(results, (name, result) => new Measured(name, result, result.Total.Median / first))
                .ToList();
            invocation.WriteResult(
                new Evaluation(options, LibTorch.Threads, measured), console => Draw(console, measured, options));
        }
        finally
        {
            foreach (var model in loaded) model.Dispose();
        }
    }

    private static LanguageModel Load(
        string path, Device place, ScalarType weightsType, ProcessGroup? ranks, Invocation invocation)
    {
        invocation.Cancellation.ThrowIfCancellationRequested();
        if (!File.Exists(path))
        {
            return ModelCheckpoint.Load(
                path, place, invocation.Reporter, withGradients: false, expertGroup: ranks, weightsType: weightsType);
        }

        if (weightsType != ScalarType.Float32)
        {
            throw new InvalidInputException(
                path, "a checkpoint, as --weights-dtype is given", "a config.json", "leave --weights-dtype out");
        }

        var config = ModelConfigReader.Parse(InputFile.ReadAllText(path, "check the path"), path, invocation.Reporter);
        var model = new LanguageModel(config, place, withGradients: false, expertGroup: ranks);
        ModelInitializer.Initialize(model, seed: 0);
        return model;
    }

    private static void Draw(IAnsiConsole console, List<Measured> models, LatencyOptions options)
    {
        var table = new Table().Border(TableBorder.Simple)
            .Title(
                $"{options.NewTokens} tokens after a prompt of {options.PromptTokens}: "
                + $"seconds, median of {options.Runs} runs (fastest–slowest)")
            .AddColumn("model");
        foreach (var column in new[] { "prefill", "decode", "ms/token", "total", "× first", "keys and values" })
            table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var (name, result, ratio) in models)
        {
            table.AddRow(
                ResultText.Label(name),
                Text(result.Prefill),
                Text(result.Decode),
                Number(1000 * result.SecondsPerToken, "0.00"),
                Text(result.Total),
                Number(ratio, "0.00"),
                Number(result.CacheBytes / 1e6, "0.00' MB'"));
        }

        console.Write(table);
    }

    private static string Text(Timing timing) =>
        $"{Number(timing.Median, "0.000")} ({Number(timing.Lowest, "0.000")}–{Number(timing.Highest, "0.000")})";

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Evaluation(LatencyOptions Options, int Threads, IReadOnlyList<Measured> Models);

    private sealed record Measured(string Model, LatencyResult Latency, double TimesFirst);
}
