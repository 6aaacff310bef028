using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>From compute to days: the three phases of BAM, with each mixture as an alternative third phase.</summary>
internal static class UpcyclingPlan
{
    /// <summary>
    /// The phases in order; those without tokens are left out. Each has its best layout, or without <paramref name="layouts"/> a
    /// whole model on each device and no time for communication.
    /// </summary>
    public static IReadOnlyList<PhaseEstimate> Of(
        ModelConfig seed, IReadOnlyList<NamedModel> mixtures, TokenBudget tokens, ComputeBudget compute, CostSettings settings,
        Func<ModelConfig, LayoutEstimate?>? layouts = null)
    {
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
            if (layouts?.Invoke(model.Config) is { } best)
                return new(
                    phase, model.Name, models, each, flops, models * each / best.TokensPerSecond, best.Memory!, best.Fits,
                    best.Fits switch { true => best.MicroBatch, false => 0, null => null })
                {
                    Layout = best.Layout,
                };
            var computed = models * each * ModelFlops.Computed(model.Config, settings);
            var memory = TrainingMemory.Of(model.Config, settings);
            return new(
                phase, model.Name, models, each, flops, computed / compute.FlopsPerSecond, memory,
                compute.MemoryBytes is { } bytes ? memory.Total <= bytes : null,
                compute.MemoryBytes is { } room
                    ? TrainingMemory.LargestBatch(model.Config, settings, room)
                    : null);
        }
    }
}

/// <summary>How long a phase takes, and whether it fits.</summary>
/// <param name="Phase">1 the seed, 2 the specialised copies, 3 a mixture.</param>
/// <param name="Model">What is trained.</param>
/// <param name="Models">How many of it, one after the other.</param>
/// <param name="Tokens">For each.</param>
/// <param name="Flops">For all.</param>
/// <param name="Seconds">For all.</param>
/// <param name="Memory">On each device.</param>
/// <param name="Fits">Whether that is there; null when it does not matter.</param>
/// <param name="LargestBatch">The largest micro-batch that fits; 0 if none does, null if memory does not matter.</param>
internal sealed record PhaseEstimate(
    int Phase, string Model, int Models, double Tokens, double Flops, double Seconds, TrainingMemory Memory, bool? Fits,
    int? LargestBatch)
{
    /// <summary>How the devices share it; null for a whole model on each.</summary>
    public Layout? Layout { get; init; }
}

/// <summary>The tokens of the three phases.</summary>
/// <param name="Seed">Of the seed; 0 when it is there already.</param>
/// <param name="Copies">How many specialised copies of the seed there are.</param>
/// <param name="Copy">Of each specialised copy; 0 when they are there already.</param>
/// <param name="Mixture">Of each mixture.</param>
internal sealed record TokenBudget(double Seed, int Copies, double Copy, double Mixture)
{
    /// <summary>The specialised copies of the paper: law, code and mathematics.</summary>
    public const int PaperCopies = 3;

    /// <summary>Tokens of each of the paper's specialised copies.</summary>
    public const double PaperCopyTokens = 100e9;

    /// <summary>Tokens of the paper's seeds, by preset.</summary>
    public static IReadOnlyDictionary<string, double> PaperSeedTokens { get; } =
        new Dictionary<string, double> { ["small"] = 400e9, ["large"] = 750e9 };
}

/// <summary>What there is to compute with: devices of one kind.</summary>
/// <param name="PeakFlops">The matrix peak of one device, in FLOP/s.</param>
/// <param name="Fraction">The part of the peak that training reaches; see <see cref="ModelFlops.Training"/>.</param>
/// <param name="Devices">How many.</param>
/// <param name="MemoryBytes">The memory of one; null when it does not matter.</param>
internal sealed record ComputeBudget(double PeakFlops, double Fraction, int Devices, double? MemoryBytes)
{
    /// <summary>What all of them do in a second of training.</summary>
    public double FlopsPerSecond => PeakFlops * Fraction * Devices;
}
