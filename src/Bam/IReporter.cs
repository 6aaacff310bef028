namespace Bam;

/// <summary>Reports progress, messages and warnings of long-running work. Implementations must be thread-safe.</summary>
public interface IReporter
{
    /// <summary>Writes a line that stays in the log: a phase begins, a file was written.</summary>
    void Say(string message);

    /// <summary>
    /// Warns of something that the user did not ask for: an ignored setting, a resume that is not bit-exact. The same text is
    /// shown once.
    /// </summary>
    void Warn(string message);

    /// <summary>Reports progress. It may be called often; the implementation limits the display rate.</summary>
    void Advance(WorkProgress progress);
}

/// <summary>Progress of one activity. Rate and remaining time follow from two reports.</summary>
/// <param name="Activity">The activity in one or two words: "train btx", "tokenize law".</param>
/// <param name="Done">Finished amount in <paramref name="Unit"/>; starts above 0 when work is resumed.</param>
/// <param name="Total">Total amount in <paramref name="Unit"/>; 0 if unknown.</param>
/// <param name="Unit">Plural unit: "tokens", "bytes", "merges".</param>
/// <param name="Detail">An additional value to show: "loss 3.214".</param>
public sealed record WorkProgress(string Activity, long Done, long Total, string Unit, string? Detail = null);

/// <summary>Discards all reports.</summary>
internal sealed class SilentReporter : IReporter
{
    public static readonly SilentReporter Instance = new();

    private SilentReporter() { }

    public void Say(string message) { }

    public void Warn(string message) { }

    public void Advance(WorkProgress progress) { }
}
