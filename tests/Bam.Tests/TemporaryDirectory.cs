namespace Bam.Tests;

/// <summary>The temporary directory of one test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Root { get; } = Directory.CreateTempSubdirectory("bam-test-").FullName;

    /// <summary>A path inside the directory.</summary>
    public string this[string relative] => Path.Combine(Root, relative);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
