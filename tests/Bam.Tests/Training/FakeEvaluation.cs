using Bam.Evaluation;
using Bam.Models;
using Bam.Torch.Distributed;

namespace Bam.Tests.Training;

/// <summary>An evaluation that a test defines.</summary>
internal sealed class FakeEvaluation(
    Func<LanguageModel, CancellationToken, IReadOnlyDictionary<string, DomainEvaluation>> measure) : IEvaluation
{
    /// <summary>What an evaluation may give.</summary>
    public static Dictionary<string, DomainEvaluation> Figures() => new() { ["count"] = new(2, Math.Log(2), 1, 10) };

    public IReadOnlyDictionary<string, DomainEvaluation> Measure(
        LanguageModel model, ProcessGroup ranks, string activity, IReporter reporter, CancellationToken cancellation) =>
        measure(model, cancellation);
}
