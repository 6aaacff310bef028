using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Files;

namespace Bam.Evaluation.Tasks.Files;

/// <summary>Reads the rows of a task's file: JSONL, JSON, CSV, TSV or Parquet, all but the last also as .gz or .zst.</summary>
internal static class TaskFile
{
    private const string Hint = "correct the line or take it out";
    private const int MaxBytes = 1 << 30;

    private static readonly (string Extension, TextCompression Compression)[] Compressions =
        [(".gz", TextCompression.Gzip), (".zst", TextCompression.Zstd), (".zstd", TextCompression.Zstd)];

    /// <summary>Reads a file.</summary>
    /// <param name="path">The file; its extension says how it is read.</param>
    /// <param name="definition">Names the columns of a CSV file without a head, and the file beside it.</param>
    /// <exception cref="InvalidInputException">It is missing, unreadable, of another kind or damaged, or it has no
    /// row.</exception>
    public static IReadOnlyList<TaskRow> Read(string path, TaskDefinition definition)
    {
        Require(path, definition);
        var (extension, compression) = CompressionOf(path);
        IReadOnlyList<TaskRow> rows = FormatOf(path) switch
        {
            ".jsonl" or ".ndjson" => [.. JsonLinesOf(Bytes(path, compression), path)],
            ".json" => [.. JsonOf(Bytes(path, compression), path)],
            ".csv" => [.. ValuesOf(Bytes(path, compression), ',', path, definition)],
            ".tsv" => [.. ValuesOf(Bytes(path, compression), '\t', path, definition)],
            ".parquet" when extension is null => [.. ParquetRows.Read(path, TaskFields.NamesIn(definition))],
            _ => throw new InvalidInputException(
                path, "a file .jsonl, .json, .csv, .tsv (also .gz or .zst) or .parquet", "another kind", "convert it"),
        };
        if (rows.Count == 0) throw new InvalidInputException(path, "rows", "none", "give another file");
        return CompanionOf(path, definition) is { } companion ? WithCompanion(rows, companion, definition.Companion!) : rows;
    }

    /// <summary>Refuses a file that does not exist.</summary>
    /// <exception cref="InvalidInputException">It does not; the message says where the data set is published.</exception>
    public static void Require(string path, TaskDefinition definition)
    {
        if (!File.Exists(path))
            throw new InvalidInputException(
                $"{path}: does not exist; Bam reads local files only, and the data set is published at {definition.Published}");
    }

    /// <summary>The extension that says how a file is read, in small letters and without that of a compression.</summary>
    public static string FormatOf(string path) => Path.GetExtension(ContentOf(path)).ToLowerInvariant();

    /// <summary>The file beside it with one more field. It is optional: other copies of the data hold its field.</summary>
    public static string? CompanionOf(string path, TaskDefinition definition)
    {
        if (definition.Companion is not { } companion) return null;
        var content = ContentOf(path);
        var beside = Path.Combine(
            Path.GetDirectoryName(content) ?? "", Path.GetFileNameWithoutExtension(content) + companion.Ending);
        return File.Exists(beside) ? beside : null;
    }

    private static string ContentOf(string path) => path[..^(CompressionOf(path).Extension?.Length ?? 0)];

    private static (string? Extension, TextCompression Compression) CompressionOf(string path) => Array.Find(
        Compressions, known => path.EndsWith(known.Extension, StringComparison.OrdinalIgnoreCase));

    private static byte[] Bytes(string path, TextCompression compression)
    {
        using var content = CompressedText.Open(InputFile.OpenRead(path, "check the path"), path, compression);
        using var bytes = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int count; (count = content.Read(buffer)) > 0; bytes.Write(buffer, 0, count))
        {
            if (bytes.Length + count > MaxBytes)
                throw new InvalidInputException(path, $"a file of at most {MaxBytes:N0} bytes", "more", "is it the right file?");
        }

        return bytes.ToArray();
    }

    private static IEnumerable<TaskRow> JsonLinesOf(byte[] bytes, string path)
    {
        var (start, line) = (0, 0);
        while (start < bytes.Length)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0) length = bytes.Length - start;
            var text = Utf8Bytes.WithoutMark(bytes.AsSpan(start, length)).Trim(" \t\r"u8).ToArray();
            start += length + 1;
            line++;
            if (text.Length > 0) yield return RowOf(JsonInput.Parse(text, $"{path}:{line}", Hint), $"{path}:{line}");
        }
    }

    private static IEnumerable<TaskRow> JsonOf(byte[] bytes, string path)
    {
        var root = JsonInput.Parse(bytes, path, "copy it again");
        return root.ValueKind == JsonValueKind.Array
            ? root.EnumerateArray().Select((row, i) => RowOf(row, $"{path}[{i}]"))
            : [RowOf(root, path)];
    }

    private static TaskRow RowOf(JsonElement json, string origin) =>
        json.ValueKind == JsonValueKind.Object
            ? new((JsonObject)NodeOf(json)!, origin)
            : throw new InvalidInputException(origin, "a JSON object", JsonInput.Describe(json), Hint);

    // Of a name that occurs twice the last value counts, as in Python.
    private static JsonNode? NodeOf(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new JsonObject();
                foreach (var property in json.EnumerateObject()) fields[property.Name] = NodeOf(property.Value);
                return fields;
            case JsonValueKind.Array:
                return new JsonArray([.. json.EnumerateArray().Select(NodeOf)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonValue.Create(json);
        }
    }

    private static IEnumerable<TaskRow> ValuesOf(byte[] bytes, char separator, string path, TaskDefinition definition)
    {
        var text = StrictUtf8.Decode(Utf8Bytes.WithoutMark(bytes), path);
        IReadOnlyList<string>? names = null;
        foreach (var (line, values) in SeparatedValues.Read(text, separator, path))
        {
            if (names is null)
            {
                var isHead = definition.Columns.Count == 0 || values.Contains(definition.Columns[0]);
                names = isHead ? values : definition.Columns;
                if (isHead) continue;
            }

            if (values.Count != names.Count)
                throw new InvalidInputException($"{path}:{line}", $"{names.Count} values", $"{values.Count}", Hint);
            var fields = new JsonObject();
            foreach (var (name, value) in names.Zip(values)) fields[name] = value;
            yield return new(fields, $"{path}:{line}");
        }
    }

    private static IReadOnlyList<TaskRow> WithCompanion(IReadOnlyList<TaskRow> rows, string path, CompanionFile companion)
    {
        var lines = InputFile.ReadLines(path, "check the path").ToList();
        return lines.Count == rows.Count
            ? [.. rows.Zip(lines, (row, line) => row.With(companion.Field, line.Trim()))]
            : throw new InvalidInputException(path, $"{rows.Count} lines, one for each row", $"{lines.Count}", "copy it again");
    }
}
