using System.Globalization;
using Bam.Data;

namespace Bam.Training;

/// <summary>The one line for a step whose loss or gradient is not finite.</summary>
internal static class StepFailure
{
    private const int WindowsShown = 16;

    /// <summary>Names the step, what is not finite, and the batch.</summary>
    /// <param name="step">s, counted from 0.</param>
    /// <param name="what">"the loss is NaN (nll …)".</param>
    /// <param name="batch">The step's windows.</param>
    /// <param name="domains">The domains' names.</param>
    public static WorkFailedException NotFinite(long step, string what, TokenBatch batch, IReadOnlyList<string> domains)
    {
        var windows = batch.Domains.Zip(batch.Starts)
            .Take(WindowsShown)
            .GroupBy(w => w.First, w => w.Second.ToString(CultureInfo.InvariantCulture))
            .Select(g => $"{domains[g.Key]} at tokens {string.Join(", ", g)}");
        var more = batch.BatchSize > WindowsShown ? $" and {batch.BatchSize - WindowsShown} windows more" : "";
        return new WorkFailedException(
            $"step {step + 1}: {what}; its batch of {batch.BatchSize} windows of {batch.WindowLength}: {string.Join("; ", windows)}{more}; "
            + "this step changed nothing; a lower learning_rate or a longer warm-up may help");
    }
}
