using System.IO.Enumeration;
using System.Text;

namespace Bam.Files;

/// <summary>
/// The rules for what a user names as output, checked before work begins: nothing of the user's is deleted or overwritten. An output is
/// neither an input, nor around one, nor inside one, with all symbolic links followed.
/// </summary>
internal static class OutputPath
{
    private const int LongestName = 255;

    /// <summary>Refuses a directory that is to be written as a whole where that would cost the user anything.</summary>
    /// <param name="output">The directory.</param>
    /// <param name="own">What an earlier one consists of.</param>
    /// <param name="inputs">Files and directories that are read; those that do not exist do not matter.</param>
    /// <exception cref="InvalidInputException">It is a file, an input or the current directory, overlaps an input, or holds other things.</exception>
    public static void RequireDirectory(string output, OwnFiles own, IEnumerable<string> inputs)
    {
        ArgumentNullException.ThrowIfNull(own);
        ArgumentNullException.ThrowIfNull(inputs);
        RequireName(output);
        RequireKind(output, FileKind.Directory);
        var overlap = Overlap.Find(output, inputs, holdsCounts: true);
        if (overlap is { Holds: false }) throw overlap.Refusal(output);
        own.Require(output, overlap is null ? "" : $", around the input {overlap.Input}");
        if (overlap is not null) throw overlap.Refusal(output);
        RefuseCurrentDirectory(output);
    }

    /// <summary>Refuses a directory that is to be worked in, and not replaced, where it overlaps an input.</summary>
    /// <param name="output">The directory.</param>
    /// <param name="inputs">Files and directories that are read; those that do not exist do not matter.</param>
    /// <exception cref="InvalidInputException">It is a file, or is, holds or lies in an input.</exception>
    public static void RequireWorkplace(string output, IEnumerable<string> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        RequireName(output);
        RequireKind(output, FileKind.Directory);
        if (Overlap.Find(output, inputs, holdsCounts: true) is { } overlap) throw overlap.Refusal(output);
    }

    /// <summary>Refuses a file to write where that would cost the user anything.</summary>
    /// <param name="output">The file.</param>
    /// <param name="replaced">What is replaced, as "an older report to replace".</param>
    /// <param name="isOfKind">Whether an existing file is one of that kind.</param>
    /// <param name="inputs">Files and directories that are read; those that do not exist do not matter.</param>
    /// <exception cref="InvalidInputException">It is not a regular file, is an input, lies in one, or is a file of another kind.</exception>
    public static void RequireFile(string output, string replaced, Predicate<string> isOfKind, IEnumerable<string> inputs)
    {
        ArgumentNullException.ThrowIfNull(isOfKind);
        ArgumentNullException.ThrowIfNull(inputs);
        RequireName(output);
        RequireKind(output, FileKind.File);
        if (Overlap.Find(output, inputs, holdsCounts: false) is { } overlap) throw overlap.Refusal(output);
        if (FileStatus.Of(output) is { Length: > 0 } && !isOfKind(output))
            throw new InvalidInputException(output, $"a new file, or {replaced}", "one with other content", "choose another name");
    }

    /// <summary>Refuses what cannot be written as a regular file, or as a directory.</summary>
    /// <exception cref="InvalidInputException">Something of another kind is there.</exception>
    internal static void RequireKind(string path, FileKind kind)
    {
        var expected = kind == FileKind.File ? "a file to write" : "a directory to write";
        // An open file or a pipe, by way of /dev/stdout or /dev/fd.
        if (RealPath.IsBelow(RealPath.Of(path), "/proc")) throw new InvalidInputException(path, expected, "an open file of a process", "name a regular one");
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
        if (Path.GetDirectoryName(full) is null) throw new InvalidInputException(output, "a path to write", "the root of the file system", "choose another name");
        for (var path = full; Path.GetDirectoryName(path) is { } parent; path = parent)
        {
            var name = Path.GetFileName(path);
            if (Encoding.UTF8.GetByteCount(name) is var length and > LongestName)
                throw new InvalidInputException(output, $"names of at most {LongestName} bytes", $"one of {length}, {name}", "shorten it");
            if (name == "~" && !Path.Exists(path))
                throw new InvalidInputException(output, "a path to write", "a ~, which only the shell replaces and only outside of quotes", "write the home directory out");
        }
    }

    private static void RefuseCurrentDirectory(string output)
    {
        var (here, target) = (RealPath.Of(Environment.CurrentDirectory), RealPath.Of(output));
        if (here == target || RealPath.IsBelow(here, target))
            throw new InvalidInputException($"{output}: is or contains the current directory, and Bam would replace it; name a new directory");
    }

    /// <summary>An input and an output that have files in common, or would have.</summary>
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
                if (source == target || (targetStatus is { } status && FileStatus.Of(input) is { } other && status.IsSameAs(other)))
                    return new(input, Holds: false, "is");
                if (RealPath.IsBelow(target, source) && Directory.Exists(source)) return new(input, Holds: false, "lies in");
                if (holdsCounts && RealPath.IsBelow(source, target) && Path.Exists(source)) found ??= new(input, Holds: true, "holds");
            }

            return found;
        }

        // A checkpoint's files, as a download leaves them, may be links to a store.
        private static IEnumerable<string> WithLinkedFiles(string input)
        {
            yield return input;
            if (!Directory.Exists(input)) yield break;
            var links = new FileSystemEnumerable<string>(
                input, (ref entry) => entry.ToSpecifiedFullPath(), new EnumerationOptions { AttributesToSkip = 0, IgnoreInaccessible = true })
            {
                ShouldIncludePredicate = (ref entry) => entry.Attributes.HasFlag(FileAttributes.ReparsePoint) && !entry.IsDirectory,
            };
            foreach (var link in links) yield return link;
        }

        public InvalidInputException Refusal(string output) => new($"{output}: {How} the input {Input}; choose another output");
    }
}

/// <summary>The files of one kind of directory that Bam writes as a whole: only these are replaced when it is written again.</summary>
/// <param name="what">What such a directory is, as "an earlier build".</param>
/// <param name="isName">Whether Bam gives a file in it that name, relative to the directory.</param>
/// <param name="isMade">Whether Bam made the directory, by a record in it that nothing else has.</param>
internal sealed class OwnFiles(string what, Predicate<string> isName, Predicate<string> isMade)
{
    private const int Shown = 3;

    private bool IsInRun { get; init; }

    /// <summary>No directory is replaced unless it is empty.</summary>
    public static OwnFiles None { get; } = new("", _ => false, _ => false);

    /// <summary>For a directory inside a run, which needs no record and may hold empty folders and what killed processes left.</summary>
    /// <param name="isName">Whether Bam gives a file in it that name, relative to the directory.</param>
    public static OwnFiles InRun(Predicate<string> isName) => new("", isName, _ => true) { IsInRun = true };

    /// <summary>Refuses a directory that holds anything else.</summary>
    /// <param name="output">The directory; it need not exist.</param>
    /// <param name="remark">Added to the message.</param>
    /// <exception cref="InvalidInputException">There are other things in it; the first are named.</exception>
    /// <exception cref="WorkFailedException">It cannot be looked at.</exception>
    internal void Require(string output, string remark = "")
    {
        if (StrangersIn(output) is not { Count: > 0 } strangers) return;
        if (IsInRun)
        {
            throw new InvalidInputException(
                $"{FirstStranger(output, strangers[0])}: was not written by Bam, and its directory is about to be replaced; move it elsewhere, then run the same command again");
        }

        var named = strangers.Count <= Shown
            ? strangers.Count == 1 ? strangers[0] : $"{string.Join(", ", strangers.SkipLast(1))} and {strangers[^1]}"
            : $"{string.Join(", ", strangers.Take(Shown))} and {strangers.Count - Shown} more";
        throw new InvalidInputException(
            output, $"a new or empty directory{(what.Length > 0 ? $", or {what}" : "")}", $"one with {named}{remark}", "choose another");
    }

    /// <summary>The path of the first file that is not Bam's; null when there is none.</summary>
    /// <exception cref="WorkFailedException">The directory cannot be looked at.</exception>
    internal string? FirstStrangerIn(string output) => StrangersIn(output) is [var first, ..] ? FirstStranger(output, first) : null;

    /// <summary>Empties a directory that holds nothing else.</summary>
    /// <param name="output">The directory, which stays; it need not exist.</param>
    /// <exception cref="InvalidInputException">There are other things in it; nothing was removed.</exception>
    /// <exception cref="WorkFailedException">It cannot be looked at or emptied.</exception>
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

    private List<string> StrangersIn(string output)
    {
        try
        {
            if (!Directory.Exists(output)) return [];
            var names = Directory.EnumerateFileSystemEntries(output).Select(entry => Path.GetFileName(entry)).Order(StringComparer.Ordinal).ToList();
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
        FileKind.Directory => IsLeftover(name) || (EntriesOf(output, name) is var inner && (IsInRun || inner.Count > 0) && inner.TrueForAll(entry => IsOwn(output, entry))),
        _ => false,
    };

    // Whoever writes in a run holds its lock: no other process uses the temporary names there.
    private bool IsLeftover(string name) => IsInRun && TemporarySibling.IsName(Path.GetFileName(name));

    private string FirstStranger(string output, string name) =>
        FileStatus.OfEntry(Path.Combine(output, name))?.Kind == FileKind.Directory && EntriesOf(output, name).Find(entry => !IsOwn(output, entry)) is { } inner
            ? FirstStranger(output, inner)
            : Path.Combine(output, name);

    private static List<string> EntriesOf(string output, string name) =>
        [.. Directory.EnumerateFileSystemEntries(Path.Combine(output, name)).Select(path => Path.GetRelativePath(output, path)).Order(StringComparer.Ordinal)];
}

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
