using ParquetSharp;
using ParquetSharp.IO;

namespace Bam.Tests.Data.Text;

/// <summary>Writes Parquet files with Arrow's library.</summary>
internal static class ParquetSample
{
    /// <summary>A file with one row group for each array of texts, in a nullable column 'text' behind a column 'id'.</summary>
    public static byte[] Of(Action<WriterPropertiesBuilder>? properties, params string?[][] rowGroups) =>
        Write(
            [new Column<int>("id"), new Column<string?>("text")], properties,
            [.. rowGroups.Select(texts => new Array[] { Enumerable.Range(0, texts.Length).ToArray(), texts })]);

    /// <summary>A file with the given columns; a row group is an array for each.</summary>
    public static byte[] Write(Column[] columns, Action<WriterPropertiesBuilder>? properties, params Array[][] rowGroups)
    {
        using var file = new MemoryStream();
        using (var builder = new WriterPropertiesBuilder())
        {
            properties?.Invoke(builder);
            using var built = builder.Build();
            using var output = new ManagedOutputStream(file, leaveOpen: true);
            using var writer = new ParquetFileWriter(output, columns, built);
            foreach (var rowGroup in rowGroups) Write(writer, rowGroup);
            writer.Close();
        }

        return file.ToArray();
    }

    private static void Write(ParquetFileWriter writer, Array[] columns)
    {
        using var group = writer.AppendRowGroup();
        foreach (var values in columns)
        {
            using var column = group.NextColumn();
            using var logical = column.LogicalWriter();
            logical.Apply(new Values(values));
        }
    }

    private sealed class Values(Array values) : ILogicalColumnWriterVisitor<bool>
    {
        public bool OnLogicalColumnWriter<TValue>(LogicalColumnWriter<TValue> columnWriter)
        {
            columnWriter.WriteBatch((TValue[])values);
            return true;
        }
    }
}
