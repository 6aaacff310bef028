using System.IO.Enumeration;
using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Resolves inputs to files.</summary>
internal static class InputFiles
{
    /// <summary>
    /// Resolves each input in turn: a file of any name; a folder, for all files below it that are text by their extension
    /// (<see cref="TextFileKind.IsText"/>); a pattern with <c>*</c>, <c>?</c> or <c>**</c> (any number of folders), for all
    /// matching files. The files of folders and patterns are sorted by path (ordinal). Hidden files and links to folders are
    /// skipped. The reporter is told how many files of a folder have other extensions.
    /// </summary>
    /// <returns>Full paths without duplicates.</returns>
    /// <exception cref="InvalidInputException">An input does not exist or has no files.</exception>
    public static IReadOnlyList<string> Resolve(IEnumerable<string> inputs, IReporter? reporter = null)
    {
        var files = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var input in inputs)
        {
            var found = Find(input, reporter);
            if (found.Count == 0)
                throw new InvalidInputException(
                    $"{input}: no text was found there; give files (.txt, .jsonl, .parquet), folders that hold some, or a "
                        + "pattern such as 'law/*.txt'");
            files.AddRange(found.Where(seen.Add));
        }

        return files;
    }

    /// <summary>True if the size of the file differs from that of its text.</summary>
    internal static bool IsCompressed(string file) => TextFileKind.Of(file) is not { IsCompressed: false };

    /// <summary>
    /// Bytes of a file's text: of the file, decompressed if need be, or of the values of Parquet's text column.
    /// </summary>
    /// <exception cref="InvalidInputException">The file is damaged, or Parquet lacks the column.</exception>
    internal static long TextLength(string file, DocumentFormat format, CancellationToken cancellation)
    {
        if (TextFileKind.Of(file) is not { IsCompressed: true } kind) return new FileInfo(file).Length;
        using var text = CompressedText.Open(InputFile.OpenRead(file, "check the path"), file, kind.Compression);
        if (kind.Layout == TextLayout.Parquet) return ParquetText.Length(text, file, format, cancellation);
        var buffer = new byte[1 << 16];
        var length = 0L;
        for (int count; (count = text.Read(buffer)) > 0; length += count) cancellation.ThrowIfCancellationRequested();
        return length;
    }

    private static List<string> Find(string input, IReporter? reporter)
    {
        var path = Path.GetFullPath(input);
        if (!Directory.Exists(path) && IndexedDataset.Exists(path))
        {
            throw new InvalidInputException(
                $"{input}: is an indexed data set, which holds token ids and no text; 'bam train' takes it as a domain's path or "
                    + "validation, 'bam eval perplexity' as --data, and 'bam data inspect' shows it");
        }

        if (File.Exists(path)) return [path];
        List<string> found = [];
        try
        {
            if (Directory.Exists(path))
            {
                Walk(path, ["**", "*"], found);
                LeaveOutOtherKinds(input, found, reporter);
            }
            else if (input.AsSpan().ContainsAny('*', '?'))
                Walk("/", path.Split('/', StringSplitOptions.RemoveEmptyEntries), found);
            else throw new InvalidInputException($"{input}: does not exist; check the path");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new InvalidInputException($"{input}: cannot be read ({e.Message.TrimEnd('.')}); check its permissions", e);
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }

    private static void LeaveOutOtherKinds(string folder, List<string> found, IReporter? reporter)
    {
        var others = found.FindAll(file => !TextFileKind.IsText(file));
        found.RemoveAll(file => !TextFileKind.IsText(file));
        if (others.Count == 0 || found.Count == 0) return;
        var example = Path.GetRelativePath(Path.GetFullPath(folder), others.Min(StringComparer.Ordinal)!);
        reporter?.Say(others.Count == 1
            ? $"1 file of another kind in {folder} was not read, {example}"
            : $"{others.Count:N0} files of other kinds in {folder} were not read, such as {example}");
    }

    /// <summary>Adds the files below <paramref name="folder"/> that match the remaining path segments of a pattern.</summary>
    private static void Walk(string folder, ReadOnlySpan<string> pattern, List<string> found)
    {
        var name = pattern[0];
        var rest = pattern[1..];
        if (name == "**")
        {
            Walk(folder, rest.IsEmpty ? ["*"] : rest, found);
            foreach (var child in Folders(folder, "*")) Walk(child, pattern, found);
        }
        else if (rest.IsEmpty)
        {
            foreach (var file in Directory.EnumerateFiles(folder))
            {
                if (Matches(name, Path.GetFileName(file))) found.Add(file);
            }
        }
        else
        {
            foreach (var child in Folders(folder, name)) Walk(child, rest, found);
        }
    }

    private static IEnumerable<string> Folders(string parent, string pattern)
    {
        // A name without wildcards needs no search and no readable parent; it may be a link.
        if (!pattern.AsSpan().ContainsAny('*', '?'))
        {
            var path = Path.Combine(parent, pattern);
            return Directory.Exists(path) ? [path] : [];
        }

        return new DirectoryInfo(parent).EnumerateDirectories()
            .Where(folder => folder.LinkTarget is null && Matches(pattern, folder.Name))
            .Select(folder => folder.FullName);
    }

    private static bool Matches(string pattern, string name) =>
        (!name.StartsWith('.') || pattern.StartsWith('.'))
            && FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);
}
