using System.Globalization;
using Bam.Data;

namespace Bam.Training;

/// <summary>The one line for a step, or an evaluation after it, that is not finite.</summary>
internal static class StepFailure
{
    private const int WindowsShown = 16;
    private const string Hint = "a lower learning_rate or a longer warm-up may help";

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
            + $"this step changed nothing; {Hint}");
    }

    /// <summary>Names the step and the domain on which the model predicts nothing.</summary>
    /// <param name="step">The steps done.</param>
    /// <param name="domain">The domain's name.</param>
    /// <param name="nll">What was measured.</param>
    public static WorkFailedException NotFinite(long step, string domain, double nll) => new(string.Create(
        CultureInfo.InvariantCulture, $"step {step}: the evaluation is not finite (domain '{domain}', nll {nll}); {Hint}"));
}
