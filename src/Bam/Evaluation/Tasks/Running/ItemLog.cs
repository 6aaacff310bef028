using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bam.Files;

namespace Bam.Evaluation.Tasks.Running;

/// <summary>
/// The answers to a task's items in a JSONL file. While the task runs they are appended to a file <c>….partial.jsonl</c>, from
/// which an interrupted run goes on.
/// </summary>
internal sealed class ItemLog : IDisposable
{
    private const string Ending = ".jsonl";
    private const string PartialEnding = ".partial.jsonl";

    private static readonly JsonSerializerOptions Options = new(JsonRecord.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string path;
    private readonly string partial;
    private readonly Dictionary<string, ItemRecord> known;
    private readonly FileStream stream;

    private ItemLog(string path, string partial, Dictionary<string, ItemRecord> known, FileStream stream) =>
        (this.path, this.partial, this.known, this.stream) = (path, partial, known, stream);

    /// <summary>Opens a task's file in a directory, which is created.</summary>
    /// <exception cref="InvalidInputException">A file of that name has other content.</exception>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public static ItemLog Open(string directory, string task)
    {
        var (path, partial) = (Path.Combine(directory, task + Ending), Path.Combine(directory, task + PartialEnding));
        var known = new Dictionary<string, ItemRecord>();
        foreach (var record in Records(path, mayBeCut: false)) known[record.Key] = record;
        foreach (var record in Records(partial, mayBeCut: true)) known[record.Key] = record;
        try
        {
            Directory.CreateDirectory(directory);
            // A line that was cut off by a kill would spoil the next one.
            var kept = known.Values.ToList();
            AtomicFile.Write(partial, stream => Write(stream, kept));
            return new(path, partial, known, new(partial, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{directory}: cannot be written ({IoFailure.Describe(e)})", e);
        }
    }

    /// <summary>The answers to a finished task's items.</summary>
    /// <exception cref="InvalidInputException">The file is missing or damaged.</exception>
    public static IReadOnlyList<ItemRecord> Load(string directory, string task)
    {
        var path = Path.Combine(directory, task + Ending);
        return File.Exists(path)
            ? [.. Records(path, mayBeCut: false)]
            : throw new InvalidInputException(
                path, "the answers of a finished task", "no such file", "measure the task again");
    }

    /// <summary>The answer to an item that is there already; else null.</summary>
    public ItemRecord? Find(string key) => known.GetValueOrDefault(key);

    /// <summary>Keeps an answer, safe from a kill of the process.</summary>
    /// <exception cref="WorkFailedException">It cannot be written.</exception>
    public void Add(ItemRecord record)
    {
        try
        {
            stream.Write([.. JsonSerializer.SerializeToUtf8Bytes(record, Options), (byte)'\n']);
        }
        catch (IOException e)
        {
            throw new WorkFailedException(
                $"{partial}: cannot be written ({IoFailure.Describe(e)}); the answers before are kept: make room and give "
                    + "the same command again",
                e);
        }
    }

    /// <summary>Writes the file of the finished task.</summary>
    /// <exception cref="WorkFailedException">It cannot be written.</exception>
    public void Finish(IReadOnlyList<ItemRecord> records)
    {
        AtomicFile.Write(path, stream => Write(stream, records));
        stream.Dispose();
        File.Delete(partial);
    }

    public void Dispose() => stream.Dispose();

    private static void Write(Stream stream, IEnumerable<ItemRecord> records)
    {
        foreach (var record in records)
        {
            JsonSerializer.Serialize(stream, record, Options);
            stream.WriteByte((byte)'\n');
        }
    }

    private static IEnumerable<ItemRecord> Records(string path, bool mayBeCut)
    {
        if (!File.Exists(path)) yield break;
        const string hint = "name another --output directory";
        foreach (var (i, line) in InputFile.ReadLines(path, hint).Index())
        {
            ItemRecord record;
            try
            {
                record = JsonRecord.Parse<ItemRecord>(Encoding.UTF8.GetBytes(line), $"{path}:{i + 1}", hint, Options);
            }
            catch (InvalidInputException) when (mayBeCut)
            {
                continue;
            }

            yield return record;
        }
    }
}
