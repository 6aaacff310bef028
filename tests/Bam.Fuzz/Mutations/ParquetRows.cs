using System.Buffers.Binary;
using ParquetSharp;
using ParquetSharp.IO;
using ParquetSharp.Schema;

namespace Bam.Fuzz.Mutations;

/// <summary>
/// A Parquet file as some tool writes it: in one row group or several, with the text in a nullable column beside others, in any
/// encoding and compression.
/// </summary>
internal static class ParquetRows
{
    private static readonly Compression[] Compressions =
    [
        Compression.Uncompressed, Compression.Snappy, Compression.Gzip, Compression.Brotli, Compression.Zstd, Compression.Lz4,
    ];

    /// <summary>Writes a file with the columns <c>id</c>, <c>text</c>, <c>source</c> and <c>body.text</c>.</summary>
    public static byte[] Of(Dice dice)
    {
        using var file = new MemoryStream();
        using var text = LogicalType.String();
        using var none = LogicalType.None();
        using Node id = new PrimitiveNode("id", Repetition.Required, none, PhysicalType.Int32),
            field = new PrimitiveNode("text", Repetition.Optional, text, PhysicalType.ByteArray),
            source = new PrimitiveNode("source", Repetition.Optional, text, PhysicalType.ByteArray),
            inner = new PrimitiveNode("text", Repetition.Required, text, PhysicalType.ByteArray),
            body = new GroupNode("body", Repetition.Optional, [inner]);
        using var schema = new GroupNode("schema", Repetition.Required, [id, field, source, body]);
        using (var builder = new WriterPropertiesBuilder())
        {
            builder.Compression(dice.Of(Compressions)).DataPagesize(dice.Of([64, 4096])).WriteBatchSize(8);
            builder.DataPageVersion(dice.Of([ParquetDataPageVersion.V1, ParquetDataPageVersion.V2]));
            if (dice.Chance(0.5)) builder.DisableDictionary();
            if (dice.Chance(0.2)) builder.EnablePageChecksum();
            using var properties = builder.Build();
            using var output = new ManagedOutputStream(file, leaveOpen: true);
            using var writer = new ParquetFileWriter(output, schema, properties);
            for (var groups = dice.Few(); groups > 0; groups--) WriteRows(writer, dice.Next(40), dice);
            writer.Close();
        }

        return file.ToArray();
    }

    /// <summary>Changes the bytes of a file anywhere, or those of its footer.</summary>
    public static byte[] Mutant(byte[] file, Dice dice)
    {
        const int Trailer = 8; // the footer's length, and PAR1
        if (dice.Chance(0.4)) return ByteMutation.Of(file, dice);
        var length = BinaryPrimitives.ReadInt32LittleEndian(file.AsSpan(file.Length - Trailer));
        var start = file.Length - Trailer - length;
        var footer = ByteMutation.Of(file[start..^Trailer], dice);
        // Mostly with the length that it has now, so that more than the length is wrong.
        if (dice.Chance(0.8)) length = footer.Length;
        return [.. file[..start], .. footer, .. BitConverter.GetBytes(length), .. file[^4..]];
    }

    private static void WriteRows(ParquetFileWriter writer, int count, Dice dice)
    {
        string?[] texts =
        [
            .. Enumerable.Range(0, count).Select(i => dice.Chance(0.1) ? null : $"whereas party {dice.Next(20)} sees é 漢字 {i}"),
        ];
        using var group = writer.AppendRowGroup();
        using (var column = group.NextColumn().LogicalWriter<int>()) column.WriteBatch([.. Enumerable.Range(0, count)]);
        using (var column = group.NextColumn().LogicalWriter<string?>()) column.WriteBatch(texts);
        using (var column = group.NextColumn().LogicalWriter<string?>()) column.WriteBatch([.. texts.Select(_ => "law")]);
        using (var column = group.NextColumn().LogicalWriter<Nested<string>?>())
            column.WriteBatch([.. texts.Select(text => text is null ? (Nested<string>?)null : new Nested<string>(text))]);
    }
}
