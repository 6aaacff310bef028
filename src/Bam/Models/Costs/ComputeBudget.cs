namespace Bam.Models.Costs;

/// <summary>What there is to compute with: devices of one kind, each with a whole copy of the model (data parallelism).</summary>
/// <param name="PeakFlops">The matrix peak of one device, in FLOP/s.</param>
/// <param name="Fraction">The part of the peak that training reaches, counted as <see cref="ModelFlops.Training"/> counts.</param>
/// <param name="Devices">How many.</param>
/// <param name="MemoryBytes">The memory of one; null when it does not matter.</param>
internal sealed record ComputeBudget(double PeakFlops, double Fraction, int Devices, double? MemoryBytes)
{
    /// <summary>What all of them do in a second of training.</summary>
    public double FlopsPerSecond => PeakFlops * Fraction * Devices;
}
