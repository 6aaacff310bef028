using System.CommandLine;
using Bam.Checkpoints;
using Bam.Evaluation;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Measures models on the held-out text of domains.</summary>
internal sealed class EvalPerplexity : Verb
{
    private const int LongestDefaultWindow = 2048;

    private readonly Argument<string[]> models = new("MODEL") { Description = "Checkpoint directories", Arity = ArgumentArity.OneOrMore };

    private readonly Option<string[]> data = new("--data")
    {
        Description = "Directories that 'bam data build' made, one a domain",
        HelpName = "DIR",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int?> window = new("--window")
    {
        Description = $"Tokens of a window [default: the models' longest input, at most {LongestDefaultWindow}]",
        HelpName = "T",
    };

    private readonly Option<int> batch = new("--batch-size")
    {
        Description = "Windows of a batch; changes speed and memory, not the result",
        HelpName = "B",
        DefaultValueFactory = _ => 16,
    };

    private readonly Option<string> device = DeviceOption.Create();

    public EvalPerplexity()
        : base("perplexity", "Measure perplexity and bits per byte, by domain", "bam eval perplexity runs/a/model runs/b/model --data data/law data/code")
    {
        Arguments.Add(models);
        Options.Add(data);
        Options.Add(window);
        Options.Add(batch);
        Options.Add(device);
    }

    public override int Execute(Invocation invocation)
    {
        var directories = invocation.GetRequired(models);
        var configs = Array.ConvertAll(directories, directory => ModelConfig.Load(directory, invocation.Reporter));
        var longest = configs.Min(config => config.MaxPositionEmbeddings);
        var options = new PerplexityOptions
        {
            WindowLength = Positive("--window", invocation.Get(window) ?? Math.Min(longest, LongestDefaultWindow)),
            BatchSize = Positive("--batch-size", invocation.Get(batch)),
        };
        if (options.WindowLength > longest)
            throw new InvalidInputException("--window", $"at most {longest}, the models' shortest max_position_embeddings", $"{options.WindowLength}", "shorten it");
        using var heldOut = HeldOutDomains.Open(invocation.GetRequired(data));
        foreach (var (directory, config) in directories.Zip(configs)) RequireVocabulary(directory, config, heldOut);

        LibTorch.Load();
        var place = DeviceOption.Of(invocation, device);
        var results = directories.Select(directory =>
        {
            using var model = ModelCheckpoint.Load(directory, place, invocation.Reporter, withGradients: false);
            var measured = heldOut.Measure(model, options, $"evaluate {directory}", invocation.Reporter, invocation.Cancellation);
            return new Measured(
                directory,
                measured.ToDictionary(domain => domain.Key, domain => new Figures(domain.Value.Perplexity, domain.Value.Nll, domain.Value.BitsPerByte, domain.Value.Tokens)),
                PerplexityResult.Mean(measured.Values));
        }).ToList();
        invocation.WriteResult(new Evaluation(options.WindowLength, results), console =>
        {
            console.Write(Table(results, "perplexity (lower is better, * best of the column)", figures => figures.Perplexity, "0.00", model => model.MeanPerplexity));
            console.Write(Table(results, "bits per UTF-8 byte", figures => figures.BitsPerByte ?? double.NaN, "0.000", mean: null));
            var tokens = results[0].Domains.Select(domain => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{domain.Key} {domain.Value.Tokens:N0}"));
            console.MarkupLine($"[grey]windows of {options.WindowLength} tokens; targets:[/] {Markup.Escape(string.Join(", ", tokens))}");
        });
        return ExitStatus.Done;
    }

    private static Table Table(List<Measured> models, string title, Func<Figures, double> value, string format, Func<Measured, double>? mean) =>
        FigureTable.Create(
            title,
            [.. models.Select(model => model.Model)],
            [
                .. models[0].Domains.Keys.Select(domain => new FigureColumn(domain, [.. models.Select(model => value(model.Domains[domain]))])),
                .. mean is null ? [] : new[] { new FigureColumn("mean", [.. models.Select(mean)]) },
            ],
            format);

    private static void RequireVocabulary(string model, ModelConfig config, HeldOutDomains heldOut)
    {
        var tokenizer = File.Exists(Path.Combine(model, Tokenizer.FileName)) ? Tokenizer.Load(model) : null;
        foreach (var domain in heldOut.Domains) domain.Report.RequireVocabulary(domain.Directory, config.VocabSize, tokenizer, model);
    }

    private static int Positive(string option, int value) =>
        value > 0 ? value : throw new InvalidInputException(option, "a number above 0", $"{value}", "change it");

    private sealed record Evaluation(int WindowLength, IReadOnlyList<Measured> Models);

    private sealed record Measured(string Model, IReadOnlyDictionary<string, Figures> Domains, double MeanPerplexity);

    private sealed record Figures(double Perplexity, double Nll, double? BitsPerByte, long Tokens);
}
