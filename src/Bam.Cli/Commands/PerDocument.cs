using System.Globalization;
using Bam.Checkpoints;
using Bam.Evaluation;
using Bam.Evaluation.Tasks.Running;
using Bam.Files;
using Bam.Models;
using Bam.Tokenization;
using Bam.Torch;
using Spectre.Console;

namespace Bam.Cli.Commands;

/// <summary><c>bam eval perplexity --per-document</c>: every document by itself, as lm-evaluation-harness measures it.</summary>
internal static class PerDocument
{
    /// <summary>Measures models on texts whose vocabulary has been checked.</summary>
    /// <param name="models">The models with their configurations.</param>
    /// <param name="heldOut">The texts.</param>
    /// <param name="windowLength">T.</param>
    /// <param name="where">The device.</param>
    /// <param name="invocation">Receives progress and the result.</param>
    /// <exception cref="InvalidInputException">A model has no tokenizer, or it names no token to put before a
    /// document.</exception>
    public static void Run(
        IReadOnlyList<(string Name, ModelConfig Config)> models, HeldOutDomains heldOut, int windowLength, Device where,
        Invocation invocation)
    {
        var subjects = models.Select(model => Subject.Of(model.Name, model.Config)).ToList();
        var results = subjects.Select(subject => Measure(subject, heldOut, windowLength, where, invocation)).ToList();
        invocation.WriteResult(new Evaluation(windowLength, results), console =>
        {
            console.Write(Draw(results, "bits per UTF-8 byte, per document", "0.0000", figures => figures.BitsPerByte));
            console.Write(Draw(results, "perplexity per byte", "0.0000", figures => figures.BytePerplexity));
            console.Write(Draw(results, "perplexity per word", "0.00", figures => figures.WordPerplexity));
            var counts = results[0].Domains.Select(domain => string.Create(
                CultureInfo.InvariantCulture, $"{domain.Key} {domain.Value.Documents:N0}"));
            var documents = ResultText.Label(string.Join(", ", counts));
            console.MarkupLine($"[grey]windows of {windowLength} tokens; documents:[/] {documents}");
        });
        if (results.SelectMany(model => model.Domains).FirstOrDefault(domain => !double.IsFinite(domain.Value.TotalNll)).Key
            is { } name)
            throw new WorkFailedException(
                $"the negative log-likelihood on {name} is no number: the model's weights are damaged, or its training diverged");
    }

    private static Measured Measure(
        Subject subject, HeldOutDomains heldOut, int windowLength, Device where, Invocation invocation)
    {
        using var model = ModelCheckpoint.Load(subject.Name, where, invocation.Reporter, withGradients: false);
        var (total, done) = (heldOut.Texts.Sum(text => text.Tokens.DocumentCount), 0L);
        var domains = new Dictionary<string, DocumentPerplexityResult>();
        foreach (var text in heldOut.Texts)
        {
            domains[text.Name] = DocumentPerplexity.Measure(
                model, text, subject.Tokenizer, subject.Prefix, windowLength,
                documents => invocation.Reporter.Advance(
                    new WorkProgress($"evaluate {subject.Name}", done + documents, total, "documents", text.Name)),
                invocation.Cancellation);
            done += text.Tokens.DocumentCount;
        }

        return new(subject.Name, domains);
    }

    private static Table Draw(
        List<Measured> models, string title, string format, Func<DocumentPerplexityResult, double> figure)
    {
        var table = new Table().Border(TableBorder.Simple).Title(ResultText.Label(title)).AddColumn("model");
        foreach (var domain in models[0].Domains.Keys) table.AddColumn(new TableColumn(ResultText.Label(domain)).RightAligned());
        foreach (var model in models)
        {
            table.AddRow(
                [ResultText.Label(model.Model),
                .. model.Domains.Values.Select(figures => figure(figures).ToString(format, CultureInfo.InvariantCulture))]);
        }

        return table;
    }

    private sealed record Subject(string Name, Tokenizer Tokenizer, int Prefix)
    {
        public static Subject Of(string name, ModelConfig config)
        {
            var checkpoint = ModelPath.Of(name).Base;
            var tokenizer = Tokenizer.Load(checkpoint);
            var prefix = TaskEncoding.Of(tokenizer, checkpoint, config).Prefix ?? throw new InvalidInputException(
                $"{name}, --per-document", "a tokenizer with a token for the begin or end of a text", "one without",
                "leave the option out");
            return new(name, tokenizer, prefix);
        }
    }

    private sealed record Evaluation(int WindowLength, IReadOnlyList<Measured> Models);

    private sealed record Measured(string Model, IReadOnlyDictionary<string, DocumentPerplexityResult> Domains);
}
