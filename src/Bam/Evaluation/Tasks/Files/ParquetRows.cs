using System.Text.Json.Nodes;
using Bam.Data.Text;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Files;
using ParquetSharp;

namespace Bam.Evaluation.Tasks.Files;

/// <summary>
/// Reads the rows of a Parquet file. A field of a struct lies inside an object of the struct's name; a list of structs becomes an
/// object of lists.
/// </summary>
internal static class ParquetRows
{
    /// <summary>Names in a column's path that stand for a list's layout and not for a field.</summary>
    private static readonly string[] ListLayout = ["list", "element", "item", "array", "bag", "array_element"];

    /// <summary>Reads the columns whose first name is wanted.</summary>
    /// <exception cref="InvalidInputException">It is no Parquet file, damaged or encrypted.</exception>
    public static IEnumerable<TaskRow> Read(string path, IReadOnlySet<string> wanted)
    {
        using (var head = InputFile.OpenRead(path, "check the path")) ParquetFile.Open(head, path).Dispose();
        using var file = ParquetFile.Checked(path, () => new ParquetFileReader(path));
        var number = 0L;
        for (var group = 0; group < file.FileMetaData.NumRowGroups; group++)
        {
            using var rows = ParquetFile.Checked(path, () => file.RowGroup(group));
            var columns = ParquetFile.Checked(path, () => Columns(rows, wanted));
            for (var row = 0; row < rows.MetaData.NumRows; row++)
            {
                var fields = new JsonObject();
                foreach (var (names, values) in columns) Set(fields, names, values[row]);
                yield return new(fields, $"{path}:{++number}");
            }
        }
    }

    private static List<(string[] Names, JsonNode?[] Values)> Columns(RowGroupReader rows, IReadOnlySet<string> wanted)
    {
        var columns = new List<(string[], JsonNode?[])>();
        for (var i = 0; i < rows.MetaData.NumColumns; i++)
        {
            var path = rows.MetaData.Schema.Column(i).Path.ToDotVector();
            if (!wanted.Contains(path[0])) continue;
            string[] names = [path[0], .. path.Skip(1).Where(name => !ListLayout.Contains(name))];
            using var column = rows.Column(i);
            using var reader = column.LogicalReader();
            columns.Add((names, reader.Apply(new ValueReader(rows.MetaData.NumRows))));
        }

        return columns;
    }

    private static void Set(JsonObject fields, string[] names, JsonNode? value)
    {
        foreach (var name in names[..^1])
        {
            if (fields[name] is not JsonObject inner) fields[name] = inner = [];
            fields = inner;
        }

        fields[names[^1]] = value;
    }

    /// <summary>Reads all values of a column.</summary>
    private sealed class ValueReader(long count) : ILogicalColumnReaderVisitor<JsonNode?[]>
    {
        public JsonNode?[] OnLogicalColumnReader<TValue>(LogicalColumnReader<TValue> columnReader) =>
            [.. columnReader.ReadAll((int)count).Select(value => Convert(value))];

        private static JsonNode? Convert(object? value) => value switch
        {
            null => null,
            string text => JsonValue.Create(text),
            bool flag => JsonValue.Create(flag),
            Array entries => new JsonArray([.. entries.Cast<object?>().Select(Convert)]),
            double number when !double.IsFinite(number) => null,
            float number when !float.IsFinite(number) => null,
            _ => JsonValue.Create(System.Convert.ToDecimal(value, System.Globalization.CultureInfo.InvariantCulture)),
        };
    }
}
