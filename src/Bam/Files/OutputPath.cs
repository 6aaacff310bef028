using System.IO.Enumeration;
using System.Text;

namespace Bam.Files;

/// <summary>
/// Checks output paths before work begins, so that no user file is deleted or overwritten and no work is done in vain: an output
/// must not be, contain or lie inside an input, with symbolic links resolved, and the folder above it must be writable.
/// </summary>
internal static class OutputPath
{
    private const int MaxNameLength = 255;

    /// <summary>
    /// Checks a directory that will be written as a whole. <paramref name="own"/> describes an earlier output that may be
    /// replaced; inputs that do not exist are ignored.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// It is a file, lies in one, is an input or the current directory, overlaps an input, or contains other files.
    /// </exception>
    /// <exception cref="WorkFailedException">The folder that it is made in cannot be written.</exception>
    public static void RequireDirectory(string output, OwnFiles own, IEnumerable<string> inputs)
    {
        RequireName(output);
        RequireKind(output, FileKind.Directory);
        var overlap = Overlap.Find(output, inputs, holdsCounts: true);
        if (overlap is { Holds: false }) throw overlap.Refusal(output);
        own.Require(output, overlap is null ? "" : $", around the input {overlap.Input}");
        if (overlap is not null) throw overlap.Refusal(output);
        RefuseCurrentDirectory(output);
        RequireWritable(output);
    }

    /// <summary>Checks a directory to work in, which is not replaced. Inputs that do not exist are ignored.</summary>
    /// <exception cref="InvalidInputException">It is a file, or overlaps an input.</exception>
    public static void RequireWorkplace(string output, IEnumerable<string> inputs)
    {
        RequireName(output);
        RequireKind(output, FileKind.Directory);
        if (Overlap.Find(output, inputs, holdsCounts: true) is { } overlap) throw overlap.Refusal(output);
    }

    /// <summary>
    /// Checks a file to write. An existing file may be replaced if <paramref name="isOfKind"/>; <paramref name="replaced"/> names
    /// that kind in the message ("an older report to replace").
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// It is not a regular file, is an input, lies in one, or has other content.
    /// </exception>
    /// <exception cref="WorkFailedException">The folder that it is made in cannot be written.</exception>
    public static void RequireFile(string output, string replaced, Predicate<string> isOfKind, IEnumerable<string> inputs)
    {
        RequireName(output);
        RequireKind(output, FileKind.File);
        if (Overlap.Find(output, inputs, holdsCounts: false) is { } overlap) throw overlap.Refusal(output);
        if (FileStatus.Of(output) is { Length: > 0 } && !isOfKind(output))
            throw new InvalidInputException(
                output, $"a new file, or {replaced}", "one with other content", "choose another name");
        RequireWritable(output);
    }

    /// <summary>Rejects paths that cannot be written as a file or directory, respectively.</summary>
    /// <exception cref="InvalidInputException">An entry of another kind exists.</exception>
    internal static void RequireKind(string path, FileKind kind)
    {
        var expected = kind == FileKind.File ? "a file to write" : "a directory to write";
        // An open file or a pipe via /dev/stdout or /dev/fd.
        if (RealPath.IsBelow(RealPath.Of(path), "/proc"))
            throw new InvalidInputException(path, expected, "an open file of a process", "name a regular one");
        if (FileStatus.Of(path) is not { } status || status.Kind == kind) return;
        var hint = (kind, status.Kind) switch
        {
            (FileKind.File, FileKind.Directory) => "name a file in it",
            (FileKind.File, _) => "name a regular file",
            _ => "choose another name",
        };
        throw new InvalidInputException(path, expected, status.Words, hint);
    }

    private static void RequireName(string output)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        if (Path.GetDirectoryName(full) is null)
            throw new InvalidInputException(output, "a path to write", "the root of the file system", "choose another name");
        for (var path = full; Path.GetDirectoryName(path) is { } parent; path = parent)
        {
            var name = Path.GetFileName(path);
            if (Encoding.UTF8.GetByteCount(name) is var length and > MaxNameLength)
                throw new InvalidInputException(
                    output, $"names of at most {MaxNameLength} bytes", $"one of {length}, {name}", "shorten it");
            if (name == "~" && !Path.Exists(path))
                throw new InvalidInputException(
                    output, "a path to write", "a ~, which only the shell replaces and only outside of quotes",
                    "write the home directory out");
        }
    }

    private static void RequireWritable(string output)
    {
        var folder = Path.GetDirectoryName(RealPath.Of(output))!;
        while (!Path.Exists(folder)) folder = Path.GetDirectoryName(folder)!;
        if (!Directory.Exists(folder))
            throw new InvalidInputException(
                output, "a path in a directory", $"one in the file {folder}", "choose another output");
        if (FileStatus.WhyNotWritable(folder) is { } reason)
            throw new WorkFailedException(
                $"{output}: cannot be created ({reason}); make {folder} writable or choose another output");
    }

    private static void RefuseCurrentDirectory(string output)
    {
        var (here, target) = (RealPath.Of(Environment.CurrentDirectory), RealPath.Of(output));
        if (here == target || RealPath.IsBelow(here, target))
            throw new InvalidInputException(
                $"{output}: is or contains the current directory, and Bam would replace it; name a new directory");
    }

    /// <summary>An overlap of the output with an input.</summary>
    private sealed record Overlap(string Input, bool Holds, string How)
    {
        public static Overlap? Find(string output, IEnumerable<string> inputs, bool holdsCounts)
        {
            var paths = new RealPath();
            var target = paths.Resolve(output);
            var targetStatus = FileStatus.Of(output);
            Overlap? found = null;
            foreach (var input in inputs.SelectMany(WithLinkedFiles))
            {
                var source = paths.Resolve(input);
                if (source == target
                    || (targetStatus is { } status && FileStatus.Of(input) is { } other && status.IsSameAs(other)))
                    return new(input, Holds: false, "is");
                if (RealPath.IsBelow(target, source) && Directory.Exists(source)) return new(input, Holds: false, "lies in");
                if (holdsCounts && RealPath.IsBelow(source, target) && Path.Exists(source))
                    found ??= new(input, Holds: true, "holds");
            }

            return found;
        }

        // Files of a downloaded checkpoint may be links to a cache.
        private static IEnumerable<string> WithLinkedFiles(string input)
        {
            yield return input;
            if (!Directory.Exists(input)) yield break;
            var links = new FileSystemEnumerable<string>(
                input, (ref entry) => entry.ToSpecifiedFullPath(),
                new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = true })
            {
                ShouldIncludePredicate = (ref entry) =>
                    entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && !entry.IsDirectory,
            };
            foreach (var link in links) yield return link;
        }

        public InvalidInputException Refusal(string output) => new($"{output}: {How} the input {Input}; choose another output");
    }
}

/// <summary>The files of one kind of directory that Bam writes as a whole. Only these may be replaced.</summary>
/// <param name="what">The name of such a directory, such as "an earlier build".</param>
/// <param name="isName">True for relative paths that Bam writes.</param>
/// <param name="isMade">True if Bam wrote the directory, detected by a file that no other software writes.</param>
internal sealed class OwnFiles(string what, Predicate<string> isName, Predicate<string> isMade)
{
    private const int MaxListed = 3;

    private bool IsInRun { get; init; }

    /// <summary>Only an empty directory is replaced.</summary>
    public static OwnFiles None { get; } = new("", _ => false, _ => false);

    /// <summary>For a directory inside a run, which may contain empty folders and temporary files of killed processes.</summary>
    public static OwnFiles InRun(Predicate<string> isName) => new("", isName, _ => true) { IsInRun = true };

    /// <summary>Rejects a directory with other files; it need not exist. The remark is added to the message.</summary>
    /// <exception cref="InvalidInputException">It contains other files; the message names the first ones.</exception>
    /// <exception cref="WorkFailedException">It cannot be read.</exception>
    internal void Require(string output, string remark = "")
    {
        if (ForeignFilesIn(output) is not { Count: > 0 } foreign) return;
        if (IsInRun)
        {
            throw new InvalidInputException(
                $"{FirstForeignFile(output, foreign[0])}: was not written by Bam, and its directory is about to be replaced; "
                    + "move it elsewhere, then run the same command again");
        }

        var named = foreign.Count <= MaxListed
            ? foreign.Count == 1 ? foreign[0] : $"{string.Join(", ", foreign.SkipLast(1))} and {foreign[^1]}"
            : $"{string.Join(", ", foreign.Take(MaxListed))} and {foreign.Count - MaxListed} more";
        throw new InvalidInputException(
            output, $"a new or empty directory{(what.Length > 0 ? $", or {what}" : "")}", $"one with {named}{remark}",
            "choose another");
    }

    /// <summary>The path of the first file that Bam did not write; null if there is none.</summary>
    /// <exception cref="WorkFailedException">The directory cannot be read.</exception>
    internal string? FirstForeignFileIn(string output) =>
        ForeignFilesIn(output) is [var first, ..] ? FirstForeignFile(output, first) : null;

    /// <summary>Removes the content of a directory, but not the directory; it need not exist.</summary>
    /// <exception cref="InvalidInputException">It contains other files; nothing was removed.</exception>
    /// <exception cref="WorkFailedException">It cannot be read or emptied.</exception>
    internal void Clear(string output)
    {
        Require(output);
        try
        {
            if (!Directory.Exists(output)) return;
            foreach (var entry in Directory.GetFileSystemEntries(output))
            {
                if (FileStatus.OfEntry(entry)?.Kind == FileKind.Directory) Directory.Delete(entry, recursive: true);
                else File.Delete(entry);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{output}: cannot be emptied ({IoFailure.Describe(e)}); make it writable", e);
        }
    }

    private List<string> ForeignFilesIn(string output)
    {
        try
        {
            if (!Directory.Exists(output)) return [];
            var names = Directory.EnumerateFileSystemEntries(output).Select(entry => Path.GetFileName(entry))
                .Order(StringComparer.Ordinal).ToList();
            return names.Count > 0 && isMade(output) ? [.. names.Where(name => !IsOwn(output, name))] : names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{output}: cannot be looked at ({IoFailure.Describe(e)}); choose another output", e);
        }
    }

    private bool IsOwn(string output, string name) => FileStatus.OfEntry(Path.Combine(output, name))?.Kind switch
    {
        FileKind.File => isName(name) || IsLeftover(name),
        FileKind.Directory => IsLeftover(name) || IsOwnFolder(output, EntriesOf(output, name)),
        _ => false,
    };

    private bool IsOwnFolder(string output, List<string> entries) =>
        (IsInRun || entries.Count > 0) && entries.TrueForAll(entry => IsOwn(output, entry));

    // The writer holds the run's lock: no other process uses temporary names there.
    private bool IsLeftover(string name) => IsInRun && TemporarySibling.IsName(Path.GetFileName(name));

    private string FirstForeignFile(string output, string name) =>
        FileStatus.OfEntry(Path.Combine(output, name))?.Kind == FileKind.Directory
            && EntriesOf(output, name).Find(entry => !IsOwn(output, entry)) is { } inner
            ? FirstForeignFile(output, inner)
            : Path.Combine(output, name);

    private static List<string> EntriesOf(string output, string name) =>
        [.. Directory.EnumerateFileSystemEntries(Path.Combine(output, name))
            .Select(path => Path.GetRelativePath(output, path))
            .Order(StringComparer.Ordinal)];
}

/// <summary>Resolves all symbolic links of a path; parts that do not exist are kept.</summary>
internal sealed class RealPath
{
    private const int MaxLinks = 40;

    private readonly Dictionary<string, string> known = [];

    /// <summary>The absolute path.</summary>
    /// <exception cref="InvalidInputException">Its links form a cycle.</exception>
    public static string Of(string path) => new RealPath().Resolve(path);

    /// <summary>The absolute path. Common parents of several paths are resolved once.</summary>
    /// <exception cref="InvalidInputException">Its links form a cycle.</exception>
    public string Resolve(string path) => Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)), path, links: 0);

    /// <summary>True if <paramref name="inner"/> lies below <paramref name="outer"/>; both are resolved paths.</summary>
    public static bool IsBelow(string inner, string outer) =>
        inner != outer && inner.StartsWith(outer.EndsWith('/') ? outer : outer + "/", StringComparison.Ordinal);

    private string Resolve(string path, string asked, int links)
    {
        if (Path.GetDirectoryName(path) is not { } parent) return path;
        if (known.TryGetValue(path, out var real)) return real;
        var folder = Resolve(parent, asked, links);
        var entry = Path.Combine(folder, Path.GetFileName(path));
        // Links in /proc/PROCESS/fd denote open files and pipes, not paths.
        var target = RealPath.IsBelow(entry, "/proc") ? null : new FileInfo(entry).LinkTarget;
        if (target is not null && links == MaxLinks)
            throw new InvalidInputException($"{asked}: leads through symbolic links in a circle; choose another path");
        return known[path] = target is null
            ? entry
            : Resolve(Path.TrimEndingDirectorySeparator(Path.GetFullPath(target, folder)), asked, links + 1);
    }
}
