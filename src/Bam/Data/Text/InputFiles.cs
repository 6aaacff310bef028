using System.IO.Enumeration;

namespace Bam.Data.Text;

/// <summary>Which files a list of inputs means.</summary>
public static class InputFiles
{
    private static readonly string[] TextExtensions = [".txt", ".jsonl", ".jsonl.gz"];

    /// <summary>
    /// Finds the files of each input in turn: a file is itself (whatever its name, for it is asked for by name); a folder is all
    /// <c>.txt</c>, <c>.jsonl</c> and <c>.jsonl.gz</c> files below it; a pattern with <c>*</c>, <c>?</c> or <c>**</c> (any number of
    /// folders) is all files that match. Folders and patterns give their files in ordinal order of their paths. Hidden files and
    /// links to folders are left out.
    /// </summary>
    /// <param name="inputs">Files, folders and patterns.</param>
    /// <returns>Full paths, each once.</returns>
    /// <exception cref="InvalidInputException">An input does not exist or has no files.</exception>
    public static IReadOnlyList<string> Resolve(IEnumerable<string> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        var files = new List<string>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var input in inputs)
        {
            var found = Find(input);
            if (found.Count == 0)
                throw new InvalidInputException($"{input}: no text was found there; give files (.txt, .jsonl, .jsonl.gz), folders that hold some, or a pattern such as 'law/*.txt'");
            files.AddRange(found.Where(seen.Add));
        }

        return files;
    }

    /// <summary>True: a line of the file is a document; false: the file is text.</summary>
    internal static bool IsJsonLines(string file) =>
        file.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".jsonl.gz", StringComparison.OrdinalIgnoreCase);

    /// <summary>True when the file is compressed.</summary>
    internal static bool IsCompressed(string file) => file.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static List<string> Find(string input)
    {
        var path = Path.GetFullPath(input);
        if (!Directory.Exists(path) && IndexedDataset.Exists(path))
        {
            throw new InvalidInputException(
                $"{input}: is an indexed data set, which holds token ids and no text; 'bam train' takes it as a domain's path or validation, 'bam eval perplexity' as --data, and 'bam data inspect' shows it");
        }

        if (File.Exists(path)) return [path];
        List<string> found = [];
        try
        {
            if (Directory.Exists(path)) Walk(path, ["**", "*"], name => Array.Exists(TextExtensions, name.EndsWith), found);
            else if (input.AsSpan().ContainsAny('*', '?')) Walk("/", path.Split('/', StringSplitOptions.RemoveEmptyEntries), _ => true, found);
            else throw new InvalidInputException($"{input}: does not exist; check the path");
        }
        catch (UnauthorizedAccessException e)
        {
            throw new InvalidInputException($"{input}: cannot be read ({e.Message.TrimEnd('.')}); check its permissions", e);
        }

        found.Sort(StringComparer.Ordinal);
        return found;
    }

    /// <summary>Adds the files below <paramref name="folder"/> that match the rest of a pattern, one name per level.</summary>
    private static void Walk(string folder, ReadOnlySpan<string> pattern, Predicate<string> accepts, List<string> found)
    {
        var name = pattern[0];
        var rest = pattern[1..];
        if (name == "**")
        {
            Walk(folder, rest.IsEmpty ? ["*"] : rest, accepts, found);
            foreach (var child in Folders(folder, "*")) Walk(child, pattern, accepts, found);
        }
        else if (rest.IsEmpty)
        {
            foreach (var file in Directory.EnumerateFiles(folder))
            {
                var fileName = Path.GetFileName(file);
                if (Matches(name, fileName) && accepts(fileName)) found.Add(file);
            }
        }
        else
        {
            foreach (var child in Folders(folder, name)) Walk(child, rest, accepts, found);
        }
    }

    private static IEnumerable<string> Folders(string parent, string pattern)
    {
        // A name without wildcards need not be searched for, nor its parent be readable; it may be a link.
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
        (!name.StartsWith('.') || pattern.StartsWith('.')) && FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);
}
