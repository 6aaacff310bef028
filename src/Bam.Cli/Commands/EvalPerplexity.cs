using System.CommandLine;
using System.Globalization;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Data;
using Bam.Evaluation;
using Bam.Files;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Bam.Torch.Distributed;
using Bam.Training.Distributed;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary>Measures models on the held-out text of domains.</summary>
internal sealed class EvalPerplexity : Verb
{
    private const int LongestDefaultWindow = 2048;

    private readonly Argument<string[]> models = new("MODEL")
    {
        Description = "Checkpoint directories, or BASE+ADAPTER",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string[]> data = new("--data")
    {
        Description = "Folders written by 'bam data build', one per domain, or paths of .bin/.idx pairs, which are measured "
            + "completely",
        HelpName = "PATH",
        Required = true,
        AllowMultipleArgumentsPerToken = true,
    };

    private readonly Option<int?> window = new("--window")
    {
        Description = $"Tokens per window [default: the models' maximum length, at most {LongestDefaultWindow}]",
        HelpName = "T",
    };

    private readonly Option<int> batch = new("--batch-size")
    {
        Description = "Windows per batch; affects speed and memory, not the result",
        HelpName = "B",
        DefaultValueFactory = _ => 16,
    };

    private readonly Option<string?> bos = BosOption.Create(
        "Where to put the tokenizer's begin-of-text token: window (at the start of each window), none "
        + "[default: as the data were built]");

    private readonly Option<bool> perDocument = new("--per-document")
    {
        Description = "Each document by itself, as lm-evaluation-harness measures it: perplexity per word and per byte; the "
            + "default window is the models' maximum length",
    };

    private readonly Option<string> device = DeviceOption.Create();

    public EvalPerplexity()
        : base(
            "perplexity", "Measure perplexity and bits per byte, by domain",
            "bam eval perplexity runs/a/model runs/b/model --data data/law data/code")
    {
        Arguments.Add(models);
        Options.Add(data);
        Options.Add(window);
        Options.Add(batch);
        Options.Add(bos);
        Options.Add(perDocument);
        Options.Add(device);
    }

    public override bool TakesRanks => true;

    public override int Execute(Invocation invocation)
    {
        invocation = CommandRanks.Of(invocation);
        var directories = invocation.GetRequired(models);
        var configs = Array.ConvertAll(directories, directory => ModelConfigReader.Load(directory, invocation.Reporter));
        var longest = configs.Min(config => config.LongestInput);
        var isPerDocument = invocation.Get(perDocument);
        var options = new PerplexityOptions
        {
            WindowLength = Positive(
                "--window",
                invocation.Get(window) ?? (isPerDocument ? longest : Math.Min(longest, LongestDefaultWindow))),
            BatchSize = Positive("--batch-size", invocation.Get(batch)),
        };
        if (options.WindowLength > longest)
            throw new InvalidInputException(
                "--window",
                $"at most {longest}, the models' shortest max_position_embeddings",
                $"{options.WindowLength}",
                "shorten it");
        LibTorch.BeginLoad();
        using var heldOut = HeldOutDomains.Open(invocation.GetRequired(data));
        var place = BosOption.Of(invocation, bos, BeginOfText.Window, BeginOfText.None);
        if (place is not null && isPerDocument)
            throw new InvalidInputException("--bos", "no such option with --per-document", "both", "leave one out");
        if (place is { } wanted) RequireNoBeginTokens(wanted, heldOut);
        var subjects = directories
            .Zip(configs, (directory, config) => Check(directory, config, place, heldOut, invocation))
            .ToList();

        LibTorch.Load();
        var where = CommandRanks.DeviceOf(invocation, device);
        if (isPerDocument)
        {
            DistributedEnvironment.Current().RequireAlone("evaluation per document");
            PerDocument.Run([.. directories.Zip(configs)], heldOut, options.WindowLength, where, invocation);
            return ExitStatus.Done;
        }

        CommandRanks.Run(
            invocation,
            where,
            ranks => Report(subjects.ConvertAll(subject => Measure(subject, ranks)), options, heldOut, invocation));
        return ExitStatus.Done;

        Measured Measure(Subject subject, ProcessGroup? ranks)
        {
            var directory = subject.Directory;
            using var model = ModelCheckpoint.Load(
                directory, where, invocation.Reporter, withGradients: false, expertGroup: ranks);
            var measured = heldOut.Measure(
                model,
                options,
                $"evaluate {directory}",
                invocation.Reporter,
                invocation.Cancellation,
                place is null ? null : _ => subject.BeginOfWindow);
            var figures = measured.ToDictionary(domain => domain.Key, domain => FiguresOf(domain.Value));
            return new Measured(directory, figures, PerplexityResult.Mean(measured.Values));
        }
    }

    private static void Report(
        List<Measured> results, PerplexityOptions options, HeldOutDomains heldOut, Invocation invocation)
    {
        invocation.WriteResult(new Evaluation(options.WindowLength, results), console =>
        {
            const string title = "perplexity (lower is better, * best of the column)";
            console.Write(Draw(results, title, figures => figures.Perplexity, "0.00", model => model.MeanPerplexity));
            if (results[0].Domains.Values.Any(figures => figures.BitsPerByte is not null))
                console.Write(Draw(results, "bits per UTF-8 byte", figures => figures.BitsPerByte ?? double.NaN, "0.000"));
            var tokens = results[0].Domains
                .Select(domain => string.Create(CultureInfo.InvariantCulture, $"{domain.Key} {domain.Value.Tokens:N0}"));
            var masked = string.Join(", ", heldOut.Texts.Where(text => text.HasMask).Select(text => text.Name));
            if (masked.Length > 0) console.LabelledLine($"[grey]only the answers count in:[/] {masked}");
            console.MarkupLine(
                $"[grey]windows of {options.WindowLength} tokens; targets:[/] {ResultText.Label(string.Join(", ", tokens))}");
        });
        RequireNumbers(results);
    }

    // A perplexity beyond what a number holds is infinite, but a log-likelihood that is no number comes from damaged weights.
    private static void RequireNumbers(List<Measured> models)
    {
        foreach (var model in models)
        {
            if (model.Domains.FirstOrDefault(domain => !double.IsFinite(domain.Value.Nll)) is { Key: { } name, Value: { } found })
                throw new WorkFailedException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{model.Model}: the negative log-likelihood on {name} is {found.Nll}: "
                    + $"the model's weights are damaged, or its training diverged"));
        }
    }

    private static Figures FiguresOf(PerplexityResult result) =>
        new(result.Perplexity, result.Nll, result.BitsPerByte, result.Tokens);

    /// <summary>A row for each model and a column for each domain; the lowest figure of each column is marked.</summary>
    private static Table Draw(
        List<Measured> models, string title, Func<Figures, double> figure, string format, Func<Measured, double>? mean = null)
    {
        var columns = models[0].Domains.Keys
            .Select(domain => (Title: domain, Values: models.Select(model => figure(model.Domains[domain])).ToList()))
            .ToList();
        if (mean is not null) columns.Add(("mean", models.Select(mean).ToList()));
        var table = new Table().Border(TableBorder.Simple).Title(ResultText.Label(title)).AddColumn("model");
        foreach (var column in columns) table.AddColumn(new TableColumn(ResultText.Label(column.Title)).RightAligned());
        foreach (var (row, model) in models.Index())
            table.AddRow([ResultText.Label(model.Model), .. columns.Select(column => Cell(row, column.Values, format))]);
        return table;
    }

    // A single model is not marked.
    private static string Cell(int row, List<double> column, string format)
    {
        var value = column[row];
        var text = double.IsFinite(value) ? value.ToString(format, CultureInfo.InvariantCulture) : "–";
        return column.Count > 1 && value <= column.Min() ? $"[bold green]{text}*[/]" : $"{text} ";
    }

    private static void RequireNoBeginTokens(BeginOfText place, HeldOutDomains heldOut)
    {
        if (heldOut.Texts.FirstOrDefault(text => text.Report?.Bos == BeginOfText.Document) is { } text)
            throw new InvalidInputException(
                $"--bos {place.ToString().ToLowerInvariant()}",
                "data without begin tokens",
                $"{text.Path}, whose documents begin with one",
                "leave the option out, or build the data with another --bos");
    }

    /// <summary>
    /// Refuses data of other ids, warns of data with other begin tokens, and finds what windows begin with if the option says so.
    /// </summary>
    private static Subject Check(
        string model, ModelConfig config, BeginOfText? place, HeldOutDomains heldOut, Invocation invocation)
    {
        var checkpoint = ModelPath.Of(model).Base;
        var tokenizer = File.Exists(Path.Combine(checkpoint, Tokenizer.FileName)) ? Tokenizer.Load(checkpoint) : null;
        tokenizer?.RequireFits(config.VocabSize, model, invocation.Reporter);
        foreach (var text in heldOut.Texts) text.RequireVocabulary(config.VocabSize, tokenizer, model, invocation.Cancellation);
        if (place is null && tokenizer is not null)
        {
            BeginTokenCheck.Warn(
                tokenizer,
                config.BosTokenId,
                model,
                [.. heldOut.Texts.Select(text => (text.Name, text.Tokens, text.Report))],
                "windows begin without it: measure with --bos window, or build the data with --bos document",
                invocation.Reporter);
        }

        return new(model, place == BeginOfText.Window ? BeginOfWindow(model, config, tokenizer) : null);
    }

    private static int BeginOfWindow(string model, ModelConfig config, Tokenizer? tokenizer) =>
        (tokenizer is not null && tokenizer.IdsBefore is [var id] ? id : config.BosTokenId)
        ?? throw new InvalidInputException(
            "--bos window", "a model with a begin token", $"{model} without", "leave the option out");

    private static int Positive(string option, int value) =>
        value > 0 ? value : throw new InvalidInputException(option, "a number above 0", $"{value}", "change it");

    private sealed record Subject(string Directory, int? BeginOfWindow);

    private sealed record Evaluation(int WindowLength, IReadOnlyList<Measured> Models);

    private sealed record Measured(string Model, IReadOnlyDictionary<string, Figures> Domains, double MeanPerplexity);

    private sealed record Figures(double Perplexity, double Nll, double? BitsPerByte, long Tokens);
}
