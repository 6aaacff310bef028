using System.Text.Json.Serialization;
using Bam.Data;
using Bam.Models;
using Bam.Torch.Distributed;

namespace Bam.Evaluation;

/// <summary>The held-out texts that models are evaluated on.</summary>
internal sealed class HeldOutDomains : IDisposable
{
    private const string Hint = "build it with a held-out fraction above 0";

    private readonly List<HeldOutText> texts = [];
    private readonly List<string> names = [];

    private HeldOutDomains() { }

    /// <summary>The texts, in the order given.</summary>
    public IReadOnlyList<HeldOutText> Texts => texts;

    /// <summary>Opens domains built by <c>bam data build</c> and indexed datasets of other tools.</summary>
    /// <exception cref="InvalidInputException">One is missing, invalid or empty, or two have the same name.</exception>
    public static HeldOutDomains Open(IEnumerable<string> paths) =>
        OpenAll(paths.Select(path => ((string?)null, path)), Hint);

    /// <summary>
    /// Opens texts under the caller's names. Messages name <paramref name="key"/>, the setting that switches held-out text off if
    /// 0.
    /// </summary>
    /// <exception cref="InvalidInputException">One is missing, invalid or empty.</exception>
    public static HeldOutDomains Open(IEnumerable<(string Name, string Path)> texts, string key) =>
        OpenAll(texts.Select(text => ((string?)text.Name, text.Path)), $"{Hint}, or set key '{key}' to 0");

    /// <summary>
    /// Evaluates a model on every text. Windows begin with <paramref name="beginOfWindow"/>, by default the token that the text
    /// was built for. Several <paramref name="ranks"/> divide the batches; all of them call this, and get the same results.
    /// </summary>
    /// <returns>The results by name, in the order of the texts.</returns>
    /// <exception cref="OperationCanceledException">This process was cancelled, or another one of the ranks.</exception>
    public IReadOnlyDictionary<string, PerplexityResult> Measure(
        LanguageModel model,
        PerplexityOptions options,
        string activity,
        IReporter reporter,
        CancellationToken cancellation,
        Func<HeldOutText, int?>? beginOfWindow = null,
        ProcessGroup? ranks = null)
    {
        beginOfWindow ??= text => text.BeginOfWindow;
        var most = options.MaxTargets ?? long.MaxValue;
        var total = texts.Sum(text => Math.Min(text.Tokens.TokenCount - (beginOfWindow(text) is null ? 1 : 0), most));
        var done = 0L;
        var divided = ranks is { Size: > 1 } ? new DividedBatches(ranks, model.Device) : null;
        var results = new Dictionary<string, PerplexityResult>();
        try
        {
            foreach (var (name, text) in names.Zip(texts))
            {
                var before = done;
                var windows = options with { BeginOfWindow = beginOfWindow(text) };
                divided?.BeginText();
                results[name] = Perplexity.Measure(model, text.Tokens, text.Bytes, windows, targets =>
                {
                    done = before + targets;
                    reporter.Advance(new WorkProgress(activity, done, total, "tokens", name));
                }, divided, cancellation);
            }
        }
        catch (OperationCanceledException)
        {
            divided?.Cancel();
            throw;
        }

        if (divided is null) return results;
        foreach (var (name, nll) in names.Zip(divided.Complete())) results[name] = results[name] with { TotalNll = nll };
        return results;
    }

    public void Dispose()
    {
        foreach (var text in texts) text.Dispose();
    }

    private static HeldOutDomains OpenAll(IEnumerable<(string? Name, string Path)> texts, string hint)
    {
        var opened = new HeldOutDomains();
        try
        {
            foreach (var (name, path) in texts) opened.Add(name, path, hint);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private void Add(string? name, string path, string hint)
    {
        var text = HeldOutText.Open(path, hint);
        texts.Add(text);
        names.Add(name ?? text.Name);
        if (names.Count(other => other == names[^1]) == 1) return;
        throw new InvalidInputException(
            $"{path}: a text called '{names[^1]}' is there already; "
                + $"{(text.Report is null ? "rename one of the files" : "build one of them under another name")}");
    }
}

/// <summary>The evaluation of a model during training.</summary>
internal interface IEvaluation
{
    /// <summary>
    /// Evaluates a model without changing it. The <paramref name="ranks"/> may divide the work; all of them call this.
    /// </summary>
    /// <returns>The results by domain, the same bits on every rank.</returns>
    /// <exception cref="OperationCanceledException">
    /// This process was cancelled, or another one of the ranks; training repeats the evaluation when it is resumed.
    /// </exception>
    IReadOnlyDictionary<string, DomainEvaluation> Measure(
        LanguageModel model, ProcessGroup ranks, string activity, IReporter reporter, CancellationToken cancellation);
}

internal sealed class HeldOutEvaluation(HeldOutDomains texts, PerplexityOptions windows) : IEvaluation
{
    public IReadOnlyDictionary<string, DomainEvaluation> Measure(
        LanguageModel model, ProcessGroup ranks, string activity, IReporter reporter, CancellationToken cancellation) =>
        texts.Measure(model, windows, $"{activity}, evaluate", reporter, cancellation, ranks: ranks).ToDictionary(
            domain => domain.Key,
            domain => new DomainEvaluation(
                domain.Value.Perplexity, domain.Value.Nll, domain.Value.BitsPerByte, domain.Value.Tokens));
}

/// <summary>Results on one domain's held-out text.</summary>
/// <param name="Perplexity">exp of <paramref name="Nll"/>; infinite above 710 nats, "Infinity" in JSON.</param>
/// <param name="Nll">Mean negative log-likelihood per token, in nats.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte; null if the bytes are unknown or only a part of the text was read.</param>
/// <param name="Tokens">The targets.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
internal sealed record DomainEvaluation(double Perplexity, double Nll, double? BitsPerByte, long Tokens);
