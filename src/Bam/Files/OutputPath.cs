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
