using System.Text.Json.Nodes;

namespace Bam.Experiments.Phases;

/// <summary>What a finished phase left in <c>done.json</c>.</summary>
/// <param name="Seconds">Wall time of the attempt that finished it.</param>
/// <param name="Result">What the phase returned.</param>
public sealed record PhaseOutcome(double Seconds, JsonObject Result);
