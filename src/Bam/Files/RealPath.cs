namespace Bam.Files;

/// <summary>Where paths lead when every symbolic link in them is followed; what does not exist yet is kept as it is written.</summary>
internal sealed class RealPath
{
    private const int MostLinks = 40;

    private readonly Dictionary<string, string> known = [];

    /// <summary>The real path, absolute.</summary>
    /// <exception cref="InvalidInputException">Its links lead in a circle.</exception>
    public static string Of(string path) => new RealPath().Resolve(path);

    /// <summary>The real path, absolute; what it has in common with paths before is looked at once.</summary>
    /// <exception cref="InvalidInputException">Its links lead in a circle.</exception>
    public string Resolve(string path) => Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), path, links: 0);

    /// <summary>True when <paramref name="inner"/> lies below <paramref name="outer"/>; both are real paths.</summary>
    public static bool IsBelow(string inner, string outer) =>
        inner != outer && inner.StartsWith(outer.EndsWith('/') ? outer : outer + "/", StringComparison.Ordinal);

    private string Resolve(string path, string asked, int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent) return path;
        if (known.TryGetValue(path, out var real)) return real;
        var folder = Resolve(parent, asked, links);
        var entry = Path.Combine(folder, Path.GetFileName(path));
        // The links in /proc/PROCESS/fd stand for open files, pipes among them, and not for places.
        var target = RealPath.IsBelow(entry, "/proc") ? null : new FileInfo(entry).LinkTarget;
        if (target is not null && links == MostLinks)
            throw new InvalidInputException($"{asked}: leads through symbolic links in a circle; choose another path");
        return known[path] = target is null ? entry : Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, folder)), asked, links + 1);
    }
}
