namespace Bam.Tests.Upcycling;

/// <summary>Keeps what it is told.</summary>
internal sealed class RecordingReporter : IReporter
{
    public List<string> Warnings { get; } = [];

    public List<string> Said { get; } = [];

    public List<WorkProgress> Progress { get; } = [];

    /// <summary>Called with each progress.</summary>
    public Action<WorkProgress>? OnAdvance { get; init; }

    public void Say(string message) => Said.Add(message);

    public void Warn(string message) => Warnings.Add(message);

    public void Advance(WorkProgress progress)
    {
        Progress.Add(progress);
        OnAdvance?.Invoke(progress);
    }
}
