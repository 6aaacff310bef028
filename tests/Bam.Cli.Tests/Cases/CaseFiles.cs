namespace Bam.Cli.Tests.Cases;

/// <summary>
/// The files of one folder of <c>tests/fixtures/cases</c>, copied to a directory of the test's own, which is removed at its end.
/// </summary>
internal sealed class CaseFiles : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-case-").FullName;

    /// <summary>Copies the folder.</summary>
    /// <param name="name">The folder's name; null for an empty directory.</param>
    public CaseFiles(string? name)
    {
        if (name is null) return;
        var source = RepositoryRoot.PathOf("tests", "fixtures", "cases", name);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = this[Path.GetRelativePath(source, file)];
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, File.ReadAllBytes(file));
        }
    }

    /// <summary>The directory.</summary>
    public string Root => root;

    /// <summary>A path below it.</summary>
    public string this[string relative] => Path.Combine(root, relative);

    public void Dispose() => Directory.Delete(root, recursive: true);
}
