namespace Bam.Tests.Data;

/// <summary>Keeps what is told of the progress.</summary>
internal sealed class ProgressRecorder : IReporter
{
    public List<WorkProgress> Progress { get; } = [];

    public void Say(string message) { }

    public void Warn(string message) { }

    public void Advance(WorkProgress progress) => Progress.Add(progress);
}
