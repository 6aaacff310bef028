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
