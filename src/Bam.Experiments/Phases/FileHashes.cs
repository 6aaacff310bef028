using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam.Files;

namespace Bam.Experiments.Phases;

/// <summary>
/// SHA-256 of input files, remembered in a file by path, length and time of the last change, so that a corpus is read once and
/// not at every look at the plan.
/// </summary>
internal sealed class FileHashes
{
    private static readonly JsonSerializerOptions Json = new(JsonRecord.Options) { PropertyNamingPolicy = null };

    private readonly string memory;
    private readonly Dictionary<string, Known> known;
    private bool changed;

    /// <summary>Reads what is remembered; a damaged memory is forgotten.</summary>
    /// <param name="memory">The file that remembers; it need not exist.</param>
    public FileHashes(string memory)
    {
        this.memory = memory;
        try
        {
            known = File.Exists(memory)
                ? JsonRecord.Load<Dictionary<string, Known>>(memory, "it was there a moment ago", Json)
                : [];
            if (known.Values.Any(file => file.Sha256.Length != SHA256.HashSizeInBytes * 2)) known = [];
        }
        catch (InvalidInputException)
        {
            known = [];
        }
    }

    /// <summary>SHA-256 of a file's bytes, in lower-case hexadecimal digits.</summary>
    /// <exception cref="InvalidInputException">The file is missing or cannot be read.</exception>
    public string Of(string path)
    {
        path = Path.GetFullPath(path);
        try
        {
            return Find(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.Unreadable(path, "check the path", e);
        }
    }

    /// <summary>SHA-256 over the hashes of files, in the order given.</summary>
    /// <param name="paths">The files.</param>
    /// <param name="reading">How a file is read where its bytes do not say so; "" adds nothing to the hash.</param>
    /// <exception cref="InvalidInputException">A file is missing or cannot be read.</exception>
    public string OfAll(IEnumerable<string> paths, Func<string, string>? reading = null) =>
        OfAll(paths.Select(path => (path, reading?.Invoke(path) ?? "")));

    /// <summary>SHA-256 over the hashes of files, each with how it is read, in the order given.</summary>
    /// <exception cref="InvalidInputException">A file is missing or cannot be read.</exception>
    public string OfAll(IEnumerable<(string Path, string Reading)> files)
    {
        var lines = string.Join('\n', files.Select(file => Of(file.Path) + file.Reading));
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(lines)));
    }

    /// <summary>Writes what was learnt.</summary>
    public void Remember()
    {
        if (!changed) return;
        AtomicFile.WriteText(memory, JsonSerializer.Serialize(known, Json));
        changed = false;
    }

    private string Find(string path)
    {
        var file = new FileInfo(path);
        var changedAt = file.LastWriteTimeUtc.Ticks;
        if (known.TryGetValue(path, out var entry) && (entry.Length, entry.ChangedAt) == (file.Length, changedAt))
            return entry.Sha256;
        using var stream = InputFile.OpenRead(path, "check the path");
        var hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        known[path] = new Known(file.Length, changedAt, hash);
        changed = true;
        return hash;
    }

    private sealed record Known(long Length, long ChangedAt, string Sha256);
}
