namespace Bam.Files;

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
