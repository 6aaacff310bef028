namespace Bam;

/// <summary>How long work tells the person who waits for it what it is doing. Safe to call from any thread.</summary>
public interface IReporter
{
    /// <summary>A line worth keeping: a phase begins, a file was written.</summary>
    void Say(string message);

    /// <summary>Something the person did not ask for and should know: a setting that is ignored, a resume that is not bit for bit. The same words are shown once.</summary>
    void Warn(string message);

    /// <summary>Where the work stands. Call it as often as is convenient: whoever shows it limits the rate.</summary>
    void Advance(WorkProgress progress);
}

/// <summary>Where one activity stands. The rate and the time left follow from two of these.</summary>
/// <param name="Activity">What is being done, in one or two words: "train btx", "tokenize law".</param>
/// <param name="Done">How much is done, in <paramref name="Unit"/>; starts above 0 in resumed work.</param>
/// <param name="Total">How much there is to do, in <paramref name="Unit"/>; 0 if unknown.</param>
/// <param name="Unit">The field's plural: "tokens", "bytes", "merges".</param>
/// <param name="Detail">What else is worth watching, "loss 3.214".</param>
public sealed record WorkProgress(string Activity, long Done, long Total, string Unit, string? Detail = null);

/// <summary>For callers that show nothing.</summary>
internal sealed class SilentReporter : IReporter
{
    /// <summary>The only one needed.</summary>
    public static readonly SilentReporter Instance = new();

    private SilentReporter() { }

    /// <inheritdoc/>
    public void Say(string message) { }

    /// <inheritdoc/>
    public void Warn(string message) { }

    /// <inheritdoc/>
    public void Advance(WorkProgress progress) { }
}
