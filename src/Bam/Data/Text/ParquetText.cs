using Bam.Files;

namespace Bam.Data.Text;

/// <summary>Reads documents from Parquet: one per row, with the text in one column. Other columns are not read.</summary>
internal static class ParquetText
{
    private const string TextHint = "name the text's column with --text-key (text_key in a recipe)";
    private const string GroupHint = "name the column of the slices' document with --group-key (group_key in a recipe)";

    /// <summary>
    /// The documents of a file. A location's line is the row, from 1; null text is empty. The stream is left open; its position
    /// grows with the rows that were read.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// It is no Parquet file, damaged, encrypted or without rows, or it lacks the column.
    /// </exception>
    public static IEnumerable<TextDocument> Read(Stream stream, string file, DocumentFormat format, BadLines bad)
    {
        if (stream.Length == 0) yield break;
        using var parquet = ParquetFile.Open(stream, file);
        var textColumn = parquet.FindColumn(format.TextKey, TextHint);
        var groupColumn = format.GroupKey is { } key ? parquet.FindColumn(key, GroupHint) : -1;
        var rowCount = Math.Max(1, parquet.RowCount); // a damaged footer may say less
        var origin = new DocumentOrigin(file, Line: 0);
        for (var rowGroup = 0; rowGroup < parquet.RowGroupCount; rowGroup++)
        {
            using var text = parquet.OpenColumn(rowGroup, textColumn);
            using var group = groupColumn < 0 ? null : parquet.OpenColumn(rowGroup, groupColumn);
            while (text.MoveNext() & (group?.MoveNext() ?? true))
            {
                origin = origin with { Line = origin.Line + 1 };
                stream.Position = (long)((Int128)stream.Length * Math.Min(origin.Line, rowCount) / rowCount);
                if (Document(text, group, origin, format, out var document) is { } fault) bad.Add(fault);
                else yield return document;
            }
        }

        if (origin.Line == 0) throw new InvalidInputException(file, "text", "no rows", "leave the file out or give another");
    }

    /// <summary>Bytes of the strings of the text column.</summary>
    /// <exception cref="InvalidInputException">It is no Parquet file, damaged or encrypted, or it lacks the column.</exception>
    public static long Length(Stream stream, string file, DocumentFormat format, CancellationToken cancellation)
    {
        if (stream.Length == 0) return 0;
        using var parquet = ParquetFile.Open(stream, file);
        var column = parquet.FindColumn(format.TextKey, TextHint);
        var length = 0L;
        for (var rowGroup = 0; rowGroup < parquet.RowGroupCount; rowGroup++)
        {
            using var text = parquet.OpenColumn(rowGroup, column);
            for (; text.MoveNext(); length += text.Current.Length) cancellation.ThrowIfCancellationRequested();
        }

        return length;
    }

    private static BadLine? Document(
        ParquetColumn text, ParquetColumn? group, DocumentOrigin origin, DocumentFormat format, out TextDocument document)
    {
        document = default;
        if (FaultOf(text, origin, format.TextKey) is { } fault) return fault;
        if (group is not null)
        {
            if (group.IsNull) return new(Where(origin, format.GroupKey!), "a string", "null", GroupHint);
            if (FaultOf(group, origin, format.GroupKey!) is { } groupFault) return groupFault;
        }

        document = TextDocument.Of(
            origin,
            text.IsNull ? null : StrictUtf8.Decode(text.Current, $"{origin}"),
            group is null ? null : StrictUtf8.Decode(group.Current, $"{origin}"));
        return null;
    }

    private static BadLine? FaultOf(ParquetColumn column, DocumentOrigin origin, string name) =>
        Utf8Bytes.IndexOfInvalid(column.Current) is >= 0 and var at
            ? new(Where(origin, name), "UTF-8 text", StrictUtf8.Describe(column.Current, at), StrictUtf8.Hint)
            : null;

    private static string Where(DocumentOrigin origin, string name) => $"{origin}, column \"{name}\"";
}
