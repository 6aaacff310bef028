using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>
/// The small files that are copied with a model: its tokenizer, its generation settings, the record of how it was mixed. They are
/// held in memory, since a training run writes them long after it has read them.
/// </summary>
internal sealed class CompanionFiles
{
    private readonly Dictionary<string, byte[]> files = [];

    /// <summary>Adds files of a directory that exist; a name that is held already keeps its content.</summary>
    /// <returns>This.</returns>
    /// <exception cref="InvalidInputException">One is there and cannot be read.</exception>
    public CompanionFiles Add(string directory, params IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            var path = Path.Combine(directory, name);
            if (File.Exists(path)) AddAs(name, path);
        }

        return this;
    }

    /// <summary>Adds a file under another name.</summary>
    /// <exception cref="InvalidInputException">It cannot be read.</exception>
    public void AddAs(string name, string path) => Add(name, InputFile.ReadAllBytes(path, "it was there a moment ago"));

    public void Add(string name, byte[] content) => files.TryAdd(name, content);

    /// <summary>Whether a file of that name is held, and a directory has it with the same content.</summary>
    /// <exception cref="InvalidInputException">It is there and cannot be read.</exception>
    public bool HoldsSame(string directory, string name)
    {
        var path = Path.Combine(directory, name);
        return files.TryGetValue(name, out var content) && File.Exists(path)
            && InputFile.ReadAllBytes(path, "it was there a moment ago").AsSpan().SequenceEqual(content);
    }

    /// <summary>Writes all files into an existing directory.</summary>
    /// <exception cref="WorkFailedException">The disk is full or cannot be written.</exception>
    public void WriteTo(string directory)
    {
        foreach (var (name, content) in files)
        {
            var path = Path.Combine(directory, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, stream => stream.Write(content));
        }
    }
}
