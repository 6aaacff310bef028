namespace Bam.Tests.Experiments;

/// <summary>Remembers what is said, and lets a test react to progress.</summary>
internal sealed class RecordingReporter : IReporter
{
    public List<string> Said { get; } = [];

    public Action<WorkProgress>? OnAdvance { get; init; }

    public void Say(string message) => Said.Add(message);

    public void Warn(string message) => Said.Add(message);

    public void Advance(WorkProgress progress) => OnAdvance?.Invoke(progress);
}
