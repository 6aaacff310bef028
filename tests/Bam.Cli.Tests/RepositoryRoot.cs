namespace Bam.Cli.Tests;

/// <summary>The clone that the tests were built in.</summary>
internal static class RepositoryRoot
{
    public static string Directory { get; } = Find();

    public static string PathOf(params string[] parts) => Path.Combine([Directory, .. parts]);

    private static string Find()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Bam.slnx")))
            directory = Path.GetDirectoryName(directory)
                ?? throw new InvalidOperationException($"no Bam.slnx above {AppContext.BaseDirectory}");
        return directory;
    }
}
