namespace Bam;

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
