namespace Bam.Tests.Training;

/// <summary>Keeps what it is told.</summary>
internal sealed class RecordingReporter : IReporter
{
    public List<string> Lines { get; } = [];

    public List<string> Warnings { get; } = [];

    public Action<WorkProgress> OnAdvance { get; init; } = _ => { };

    public void Say(string message) => Lines.Add(message);

    public void Warn(string message) => Warnings.Add(message);

    public void Advance(WorkProgress progress) => OnAdvance(progress);
}
