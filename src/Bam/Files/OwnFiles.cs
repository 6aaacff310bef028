namespace Bam.Files;

/// <summary>The files of one kind of directory that Bam writes as a whole: only these are replaced when it is written again.</summary>
/// <param name="what">What such a directory is, as "an earlier build".</param>
/// <param name="isName">Whether Bam gives a file in it that name, relative to the directory.</param>
/// <param name="isMade">Whether Bam made the directory, by a record in it that nothing else has.</param>
public sealed class OwnFiles(string what, Predicate<string> isName, Predicate<string> isMade)
{
    private const int Shown = 3;

    private readonly bool isUnchecked;

    private OwnFiles(bool isUnchecked)
        : this("", _ => false, _ => false) => this.isUnchecked = isUnchecked;

    /// <summary>No directory is replaced unless it is empty.</summary>
    public static OwnFiles None { get; } = new(isUnchecked: false);

    /// <summary>For a directory inside a run, which is Bam's as a whole.</summary>
    public static OwnFiles InsideRun { get; } = new(isUnchecked: true);

    /// <summary>Refuses a directory that holds anything else.</summary>
    /// <param name="output">The directory; it need not exist.</param>
    /// <param name="remark">Added to the message.</param>
    /// <exception cref="InvalidInputException">There are other things in it; the first are named.</exception>
    /// <exception cref="WorkFailedException">It cannot be looked at.</exception>
    internal void Require(string output, string remark = "")
    {
        if (isUnchecked || StrangersIn(output) is not { Count: > 0 } strangers) return;
        var named = strangers.Count <= Shown
            ? strangers.Count == 1 ? strangers[0] : $"{string.Join(", ", strangers.SkipLast(1))} and {strangers[^1]}"
            : $"{string.Join(", ", strangers.Take(Shown))} and {strangers.Count - Shown} more";
        throw new InvalidInputException(
            "--output", $"a new or empty directory{(what.Length > 0 ? $", or {what}" : "")}", $"{output} with {named}{remark}", "choose another");
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
        FileKind.File => isName(name),
        FileKind.Directory => Directory.GetFileSystemEntries(Path.Combine(output, name)) is { Length: > 0 } inner && inner.All(path => IsOwn(output, Path.GetRelativePath(output, path))),
        _ => false,
    };
}
