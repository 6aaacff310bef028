namespace Bam.Tests;

/// <summary>The clone that the tests were built in.</summary>
internal static class Clone
{
    private static readonly string Root = Find();

    public static string PathOf(string path) => Path.Combine(Root, path);

    private static string Find()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Bam.slnx")))
            directory = Path.GetDirectoryName(directory)
                ?? throw new InvalidOperationException($"no Bam.slnx above {AppContext.BaseDirectory}");
        return directory;
    }
}
