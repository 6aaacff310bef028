namespace Bam.Training.Distributed;

/// <summary>
/// The messages of a process other than the first, in a file of the run's directory. They are kept in memory until the first
/// process has made the directory.
/// </summary>
internal sealed class RankLog : IReporter, IDisposable
{
    private readonly Lock gate = new();
    private readonly HashSet<string> warnings = [];
    private readonly List<string> waiting = [];
    private StreamWriter? file;

    /// <summary>Appends to the file from now on.</summary>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file cannot be written.</exception>
    public void Open(string path)
    {
        lock (gate)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            file = new StreamWriter(path, append: true) { AutoFlush = true };
            foreach (var line in waiting) file.WriteLine(line);
            waiting.Clear();
        }
    }

    public void Say(string message)
    {
        lock (gate)
        {
            if (file is null) waiting.Add(message);
            else file.WriteLine(message);
        }
    }

    public void Warn(string message)
    {
        lock (gate)
        {
            if (!warnings.Add(message)) return;
        }

        Say($"warning: {message}");
    }

    /// <summary>The first process shows the progress of all.</summary>
    public void Advance(WorkProgress progress) { }

    public void Dispose() => file?.Dispose();
}
