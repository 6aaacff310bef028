using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>From compute to days: the three phases of BAM, with each mixture as an alternative third phase.</summary>
internal static class UpcyclingPlan
{
    /// <summary>The phases in order; those without tokens are left out.</summary>
    /// <param name="seed">The dense model.</param>
    /// <param name="mixtures">What it and its copies become.</param>
    /// <param name="tokens">How long each phase trains.</param>
    /// <param name="compute">What there is to compute with.</param>
    /// <param name="settings">The window and each device's micro-batch.</param>
    public static IReadOnlyList<PhaseEstimate> Of(
        ModelConfig seed, IReadOnlyList<NamedModel> mixtures, TokenBudget tokens, ComputeBudget compute, CostSettings settings)
    {
        ArgumentNullException.ThrowIfNull(mixtures);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(compute);
        ArgumentNullException.ThrowIfNull(settings);
        IEnumerable<PhaseEstimate> phases =
        [
            Estimate(1, new("seed", seed), 1, tokens.Seed),
            Estimate(2, new("copy", seed), tokens.Copies, tokens.Copy),
            .. mixtures.Select(mixture => Estimate(3, mixture, 1, tokens.Mixture)),
        ];
        return [.. phases.Where(phase => phase.Flops > 0)];

        PhaseEstimate Estimate(int phase, NamedModel model, int models, double each)
        {
            var flops = models * each * ModelFlops.Training(model.Config, settings.Length);
            var memory = TrainingMemory.Of(model.Config, settings.BatchSize, settings.Length, settings.Dtype);
            return new(
                phase, model.Name, models, each, flops, flops / compute.FlopsPerSecond, memory,
                compute.MemoryBytes is { } bytes ? memory.Total <= bytes : null,
                compute.MemoryBytes is { } room ? TrainingMemory.LargestBatch(model.Config, settings.Length, settings.Dtype, room) : null);
        }
    }
}
