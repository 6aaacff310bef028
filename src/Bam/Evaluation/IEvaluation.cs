using Bam.Models;

namespace Bam.Evaluation;

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
