namespace Bam.Fuzz;

/// <summary>
/// Where cases are made: templates, which are built once, and the directory of the case at hand, a file system in memory where
/// there is one.
/// </summary>
/// <param name="root">An empty directory, which is removed at the end.</param>
internal sealed class Workspace(string root) : IDisposable
{
    /// <summary>Makes an empty directory.</summary>
    public static string NewDirectory()
    {
        var parent = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        return Directory.CreateDirectory(Path.Combine(parent, $"bam-fuzz-{Guid.NewGuid():N}")).FullName;
    }

    /// <summary>The fixtures of the tests.</summary>
    public static string Fixtures { get; } = Path.Combine(FindRoot(), "tests", "fixtures");

    /// <summary>A path of the case.</summary>
    public string this[string relative] => Path.Combine(root, "case", relative);

    /// <summary>A directory that is built once and stays as it is.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="build">Fills it when it is first asked for.</param>
    public string Template(string name, Action<string> build)
    {
        var template = Path.Combine(root, "templates", name);
        if (Directory.Exists(template)) return template;
        Directory.CreateDirectory(template);
        build(template);
        return template;
    }

    /// <summary>Copies a template into the case, once.</summary>
    /// <returns>The directory in the case.</returns>
    public string Copy(string name, Action<string> build)
    {
        if (!Directory.Exists(this[name])) CopyAll(Template(name, build), this[name]);
        return this[name];
    }

    /// <summary>Copies the files of a directory.</summary>
    public static void CopyAll(string source, string target)
    {
        var all = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 };
        foreach (var file in Directory.EnumerateFiles(source, "*", all))
        {
            var copy = Path.Combine(target, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    /// <summary>Replaces a file of the case by a mutant of it.</summary>
    public static void Mutate(string path, Func<byte[], byte[]> mutation) =>
        File.WriteAllBytes(path, mutation(File.ReadAllBytes(path)));

    /// <summary>Empties the case.</summary>
    public void Clear()
    {
        if (Directory.Exists(this[""])) Directory.Delete(this[""], recursive: true);
        Directory.CreateDirectory(this[""]);
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Bam.slnx")))
        {
            directory = Path.GetDirectoryName(directory)
                ?? throw new InvalidOperationException($"no Bam.slnx above {AppContext.BaseDirectory}");
        }

        return directory;
    }
}
