using System.Text.Json.Serialization;
using Bam.Data;
using Bam.Models;

namespace Bam.Evaluation;

/// <summary>The texts on which models are measured.</summary>
internal sealed class HeldOutDomains : IDisposable
{
    private const string Hint = "build it with a held-out fraction above 0";

    private readonly List<HeldOutText> texts = [];
    private readonly List<string> names = [];

    private HeldOutDomains() { }

    /// <summary>The texts, in the order given.</summary>
    public IReadOnlyList<HeldOutText> Texts => texts;

    /// <summary>Opens domains that <c>bam data build</c> made, and indexed data sets of other tools.</summary>
    /// <param name="paths">Directories, and paths of <c>.bin</c> and <c>.idx</c> files.</param>
    /// <exception cref="InvalidInputException">One is missing, damaged or without text, or two have one name.</exception>
    public static HeldOutDomains Open(IEnumerable<string> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        return OpenAll(paths.Select(path => ((string?)null, path)), Hint);
    }

    /// <summary>Opens texts under names of the caller's.</summary>
    /// <param name="texts">Their names, each once, and their paths.</param>
    /// <param name="key">The key that asks for held-out text and 0 switches off.</param>
    /// <exception cref="InvalidInputException">One is missing, damaged or without text.</exception>
    public static HeldOutDomains Open(IEnumerable<(string Name, string Path)> texts, string key)
    {
        ArgumentNullException.ThrowIfNull(texts);
        return OpenAll(texts.Select(text => ((string?)text.Name, text.Path)), $"{Hint}, or set key '{key}' to 0");
    }

    /// <summary>Measures a model on every text.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">Windows and batches.</param>
    /// <param name="activity">What progress lines call it.</param>
    /// <param name="reporter">Told how far it is.</param>
    /// <param name="cancellation">Cancellation token.</param>
    /// <param name="beginOfWindow">The token that each window of a text begins with; as the text was built when absent.</param>
    /// <returns>The figures by name, in the order of the texts.</returns>
    public IReadOnlyDictionary<string, PerplexityResult> Measure(
        LanguageModel model,
        PerplexityOptions options,
        string activity,
        IReporter reporter,
        CancellationToken cancellation,
        Func<HeldOutText, int?>? beginOfWindow = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(reporter);
        beginOfWindow ??= text => text.BeginOfWindow;
        var total = texts.Sum(text => Math.Min(text.Tokens.TokenCount - (beginOfWindow(text) is null ? 1 : 0), options.MaxTargets ?? long.MaxValue));
        var done = 0L;
        var results = new Dictionary<string, PerplexityResult>();
        foreach (var (name, text) in names.Zip(texts))
        {
            var before = done;
            var windows = options with { BeginOfWindow = beginOfWindow(text) };
            results[name] = Perplexity.Measure(model, text.Tokens, text.Bytes, windows, targets =>
            {
                done = before + targets;
                reporter.Advance(new WorkProgress(activity, done, total, "tokens", name));
            }, cancellation);
        }

        return results;
    }

    /// <inheritdoc/>
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
            $"{path}: a text called '{names[^1]}' is there already; {(text.Report is null ? "rename one of the files" : "build one of them under another name")}");
    }
}

/// <summary>How a model is measured while it is trained.</summary>
internal interface IEvaluation
{
    /// <summary>Measures a model, whose parameters stay as they are.</summary>
    /// <param name="model">The model.</param>
    /// <param name="activity">What progress lines call the training.</param>
    /// <param name="reporter">Told how far it is.</param>
    /// <param name="cancellation">Cancellation token.</param>
    /// <returns>The figures by domain.</returns>
    /// <exception cref="OperationCanceledException">Cancelled; a training measures again when it goes on.</exception>
    IReadOnlyDictionary<string, DomainEvaluation> Measure(LanguageModel model, string activity, IReporter reporter, CancellationToken cancellation);
}

/// <summary>Perplexity on held-out text.</summary>
/// <param name="texts">The texts, which stay the caller's.</param>
/// <param name="windows">Windows and batches.</param>
internal sealed class HeldOutEvaluation(HeldOutDomains texts, PerplexityOptions windows) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, DomainEvaluation> Measure(LanguageModel model, string activity, IReporter reporter, CancellationToken cancellation) =>
        texts.Measure(model, windows, $"{activity}, evaluate", reporter, cancellation).ToDictionary(
            domain => domain.Key, domain => new DomainEvaluation(domain.Value.Perplexity, domain.Value.Nll, domain.Value.BitsPerByte, domain.Value.Tokens));
}

/// <summary>How well a model predicts one domain's held-out text.</summary>
/// <param name="Perplexity">exp of <paramref name="Nll"/>; infinite from 710 nats on, in JSON "Infinity".</param>
/// <param name="Nll">The mean negative log-likelihood of a token, in nats.</param>
/// <param name="BitsPerByte">Bits per UTF-8 byte of the text; null when the bytes are not known, or only a part of the text was read.</param>
/// <param name="Tokens">The targets.</param>
[JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)]
internal sealed record DomainEvaluation(double Perplexity, double Nll, double? BitsPerByte, long Tokens);
