using Bam.Data.Text;
using ParquetSharp;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class ParquetTextTests : IDisposable
{
    private const string Damage = ": the Parquet file is damaged (";

    private readonly TemporaryDirectory directory = new();

    /// <summary>Settings of Arrow's writer, which pyarrow and pandas use.</summary>
    public static TheoryData<string> Settings => [.. Writers.Keys];

    private static Dictionary<string, Action<WriterPropertiesBuilder>> Writers { get; } = new()
    {
        ["uncompressed"] = builder => builder.Compression(Compression.Uncompressed),
        ["snappy"] = builder => builder.Compression(Compression.Snappy),
        ["gzip"] = builder => builder.Compression(Compression.Gzip),
        ["brotli"] = builder => builder.Compression(Compression.Brotli),
        ["zstd"] = builder => builder.Compression(Compression.Zstd),
        ["lz4"] = builder => builder.Compression(Compression.Lz4),
        ["lz4-hadoop"] = builder => builder.Compression(Compression.Lz4Hadoop),
        ["plain"] = builder => builder.DisableDictionary(),
        ["small-pages"] = builder => builder.DisableDictionary().DataPagesize(64).WriteBatchSize(3),
        ["full-dictionary"] = builder => builder.DictionaryPagesizeLimit(100).DataPagesize(64).WriteBatchSize(3),
        ["version-1"] = builder => builder.Version(ParquetVersion.PARQUET_1_0),
        ["page-version-2"] = builder => builder.DataPageVersion(ParquetDataPageVersion.V2).DataPagesize(64).WriteBatchSize(3),
        ["delta"] = builder => builder.DisableDictionary().Encoding("text", Encoding.DeltaByteArray),
        ["delta-length"] = builder => builder.DisableDictionary().Encoding("text", Encoding.DeltaLengthByteArray),
        ["checksums-and-index"] = builder => builder.EnablePageChecksum().EnableWritePageIndex(),
    };

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("arrow-rs-brotli")]
    [InlineData("arrow-rs-delta")]
    [InlineData("arrow-rs-delta-length")]
    [InlineData("arrow-rs-gzip-v2")]
    [InlineData("arrow-rs-lz4-hadoop")]
    [InlineData("arrow-rs-lz4-raw")]
    [InlineData("arrow-rs-zstd")]
    [InlineData("duckdb-brotli")]
    [InlineData("duckdb-snappy")]
    [InlineData("duckdb-v2")]
    [InlineData("duckdb-zstd")]
    [InlineData("hyparquet")]
    [InlineData("parquetjs")]
    [InlineData("polars-gzip")]
    [InlineData("polars-lz4")]
    [InlineData("polars-zstd")]
    public void Files_of_other_writers_are_read(string name)
    {
        var file = Fixtures.Text($"parquet/{name}.parquet");
        var expected = Enumerable.Range(0, 60).Where(i => i % 9 != 4)
            .Select(i => ($"{file}:{i + 1}", $"row {i}: Straße 漢字 😀 {new string('x', i)}"));

        var reader = new DocumentReader([file], new("text"), SilentReporter.Instance);

        reader.Read().Select(document => ($"{document.Origin}", document.Text)).ShouldBe(expected);
        reader.EmptyDocuments.ShouldBe(7);
        reader.BytesRead.ShouldBe(new FileInfo(file).Length);
    }

    [Theory, MemberData(nameof(Settings))]
    public void Rows_are_documents_whatever_the_encoding_and_the_compression(string setting)
    {
        string?[][] rowGroups =
        [
            [.. Enumerable.Range(0, 3000).Select(i => i % 5 == 3 ? null : $"text {i / 2}, Straße 漢字 😀")],
            [null, null],
            [],
            ["last", ""],
        ];
        Write("a.parquet", ParquetSample.Of(Writers[setting], rowGroups));

        var texts = rowGroups.SelectMany(texts => texts).ToList();
        Read("a.parquet").ShouldBe(
            texts.Index().Where(row => !string.IsNullOrEmpty(row.Item))
                .Select(row => ($"{directory["a.parquet"]}:{row.Index + 1}", row.Item!, (string?)null)));
        InputFiles.TextLength(directory["a.parquet"], new("text"), default)
            .ShouldBe(texts.Sum(text => System.Text.Encoding.UTF8.GetByteCount(text ?? "")));
    }

    [Fact]
    public async Task Fields_of_structs_have_dotted_names()
    {
        await WriteNested("a.parquet");

        Read("a.parquet", "meta.body").Select(document => document.Text).ShouldBe(["one", "three"]);
        Read(Fixtures.Text("parquet/duckdb-zstd.parquet"), "meta.source").Select(document => document.Text)
            .ShouldBe(Enumerable.Range(0, 60).Select(i => $"web {i}"));
    }

    [Fact]
    public void A_column_can_name_the_document_of_a_row()
    {
        Column[] columns = [new Column<string>("body"), new Column<string?>("book")];
        string[] bodies = [.. Enumerable.Range(0, 2500).Select(i => $"slice {i}")];
        string?[] books = [.. Enumerable.Range(0, 2500).Select(i => i == 7 ? null : $"book {i / 100}")];
        Write("a.parquet", ParquetSample.Write(
            columns, builder => builder.DisableDictionary().DataPagesize(100).WriteBatchSize(7), [bodies, books]));

        Refusal("a.parquet", "body", "book").ShouldBe(
            $"{directory["a.parquet"]}:8, column \"book\": expected a string, found null; name the column of the slices' "
                + "document with --group-key (group_key in a recipe), or read past it with --skip-bad-lines 1 "
                + "(skip_bad_lines in a recipe)");
        new DocumentReader([directory["a.parquet"]], new("body", "book", SkipBadLines: 1), SilentReporter.Instance).Read()
            .Select(document => (document.Text, document.Group))
            .ShouldBe(Enumerable.Range(0, 2500).Where(i => i != 7).Select(i => ($"slice {i}", (string?)$"book {i / 100}")));
    }

    [Fact]
    public void Bytes_without_a_type_are_text_if_they_are_UTF8()
    {
        byte[][] values = ["Straße"u8.ToArray(), [0x61, 0xE9], "end"u8.ToArray()];
        Write("a.parquet", ParquetSample.Write([new Column<byte[]>("text")], null, new Array[] { values }));

        Refusal("a.parquet").ShouldBe(
            $"{directory["a.parquet"]}:2, column \"text\": expected UTF-8 text, found byte 0xE9 at offset 1; "
                + "convert it, for example with 'iconv -f latin1 -t utf-8', or read past it with --skip-bad-lines 1 "
                + "(skip_bad_lines in a recipe)");
        new DocumentReader([directory["a.parquet"]], new("text", SkipBadLines: 1), SilentReporter.Instance).Read()
            .Select(document => document.Text).ShouldBe(["Straße", "end"]);
    }

    [Fact]
    public void Json_and_enumerations_are_text_too()
    {
        Write("a.parquet", ParquetSample.Write([new Column<string>("text", LogicalType.Json())], null, [new[] { "{}" }]));

        Read("a.parquet").Single().Text.ShouldBe("{}");
        Read(Fixtures.Text("parquet/duckdb-enum.parquet")).Select(document => document.Text)
            .ShouldBe(["red", "green", "red", "green"]);
    }

    [Fact]
    public async Task A_wrong_column_is_refused_with_the_names_of_all()
    {
        await WriteNested("a.parquet");
        const string hint = "name the text's column with --text-key (text_key in a recipe)";
        var file = directory["a.parquet"];

        Refusal("a.parquet").ShouldBe(
            $"{file}: expected the column \"text\", found only \"id\", \"tags.list.element\", \"meta.body\"; {hint}");
        Refusal("a.parquet", "id").ShouldBe($"{file}, column \"id\": expected strings, found values of type Int32; {hint}");
        Refusal("a.parquet", "tags.list.element").ShouldBe(
            $"{file}, column \"tags.list.element\": expected strings, found lists; {hint}");
        Refusal("a.parquet", "meta.body", "book").ShouldStartWith($"{file}: expected the column \"book\", found only \"id\", ");
        Write("n.parquet", ParquetSample.Write([new Column<decimal>("text", LogicalType.Decimal(29))], null, [new[] { 1m }]));
        Refusal("n.parquet").ShouldBe(
            $"{directory["n.parquet"]}, column \"text\": expected strings, found values of type FixedLenByteArray; {hint}");
    }

    [Fact]
    public void A_large_row_group_is_read_page_by_page()
    {
        string[] texts = [.. Enumerable.Repeat(RandomText.Words(50_000, "large"), 400)];
        Write("a.parquet", ParquetSample.Of(
            builder => builder.DisableDictionary().Compression(Compression.Uncompressed).WriteBatchSize(10), texts));
        var reader = new DocumentReader([directory["a.parquet"]], new("text"), SilentReporter.Instance);

        var memory = MemoryPool.GetDefaultMemoryPool();
        var read = reader.Read().Select(document => (document.Text, reader.BytesRead, memory.BytesAllocated)).ToList();

        read.Select(document => document.Text).ShouldBe(texts);
        read.Max(document => document.BytesAllocated).ShouldBeLessThan(8_000_000); // of 20,000,000
        read.Select(document => document.BytesRead).ShouldBe(Enumerable.Range(1, 400).Select(i => reader.BytesRead * i / 400));
    }

    [Theory]
    [InlineData("", "expected text, found an empty file; leave the file out or give another")]
    [InlineData(
        "{\"text\": \"x\"}",
        "expected a Parquet file, found other bytes at its beginning; copy it again, or leave .parquet off its name if it is "
            + "text")]
    [InlineData("PAR", "the end of the Parquet file is missing; copy it again")]
    [InlineData("PAR1", "the end of the Parquet file is missing; copy it again")]
    [InlineData("PAR1 and text", "the end of the Parquet file is missing; copy it again")]
    [InlineData("PAR1PAR1", "the Parquet file is damaged (Invalid: Parquet file size is 8 bytes, smaller than the size reported "
        + "by footer's (827474256bytes)); copy it again")]
    public void What_is_no_parquet_file_is_refused(string content, string message)
    {
        Write("a.parquet", System.Text.Encoding.UTF8.GetBytes(content));

        Refusal("a.parquet").ShouldBe($"{directory["a.parquet"]}: {message}");
    }

    [Fact]
    public void A_file_without_rows_is_refused()
    {
        Write("a.parquet", ParquetSample.Of(null));
        Write("b.parquet", ParquetSample.Of(null, [null, " "]));

        Refusal("a.parquet").ShouldBe(
            $"{directory["a.parquet"]}: expected text, found no rows; leave the file out or give another");
        Refusal("b.parquet").ShouldBe(
            $"{directory["b.parquet"]}: expected text, found only white space; leave the file out or give another");
    }

    [Fact]
    public void Encrypted_files_are_refused()
    {
        using var encryption = new FileEncryptionPropertiesBuilder("0123456789012345"u8.ToArray()).SetPlaintextFooter().Build();
        Write("a.parquet", ParquetSample.Of(builder => builder.Encryption(encryption), ["one"]));

        foreach (var file in new[] { directory["a.parquet"], Fixtures.Text("parquet/duckdb-encrypted.parquet") })
            Refusal(file).ShouldBe($"{file}: expected a Parquet file without encryption, found an encrypted one; decrypt it");
    }

    [Fact]
    public void A_file_without_its_end_is_refused_wherever_it_is_cut()
    {
        var whole = ParquetSample.Of(null, ["one", null, "three"], ["four"]);
        for (var length = 4; length < whole.Length; length++)
        {
            Write("a.parquet", whole[..length]);
            Refusal("a.parquet").ShouldBe($"{directory["a.parquet"]}: the end of the Parquet file is missing; copy it again");
        }
    }

    [Fact]
    public void No_changed_byte_of_a_page_with_a_checksum_loses_text_in_silence()
    {
        var whole = ParquetSample.Of(
            builder => builder.EnablePageChecksum().Compression(Compression.Uncompressed), ["one and", null, "three"], ["four"]);
        var (refused, damaged) = (0, 0);
        for (var place = 0; place < whole.Length; place++)
        {
            var copy = (byte[])whole.Clone();
            copy[place] ^= 0x10;
            Write("a.parquet", copy);
            try
            {
                // The footer has no checksum: names and counts in it may be others.
                _ = Read("a.parquet");
            }
            catch (InvalidInputException e)
            {
                refused++;
                if (e.Message.Contains(Damage, StringComparison.Ordinal)) damaged++;
                e.Message.ShouldNotContain("\n");
            }
        }

        refused.ShouldBeGreaterThan(whole.Length / 4);
        damaged.ShouldBeGreaterThan(100);
        var text = whole.AsSpan().IndexOf("one and"u8);
        whole[text]++;
        Write("a.parquet", whole);
        Refusal("a.parquet").ShouldContain($"{Damage}could not verify page integrity, CRC checksum verification failed");
    }

    private async Task WriteNested(string name)
    {
        var id = new Parquet.Schema.DataField<int>("id");
        var tag = new Parquet.Schema.DataField<string>("element");
        var body = new Parquet.Schema.DataField("body", typeof(string), isNullable: true);
        var schema = new Parquet.Schema.ParquetSchema(
            id, new Parquet.Schema.ListField("tags", tag), new Parquet.Schema.StructField("meta", body));
        await using var file = File.Create(directory[name]);
        await using var writer = await Parquet.ParquetWriter.CreateAsync(schema, file);
        using var group = writer.CreateRowGroup();
        await group.WriteAsync<int>(id, new[] { 1, 2, 3 });
        await group.WriteAsync(tag, new[] { "a", "b", "c" }, new[] { 0, 0, 0 });
        await group.WriteAsync(body, new[] { "one", null, "three" }, null);
    }

    private void Write(string name, byte[] content) => File.WriteAllBytes(directory[name], content);

    private List<(string Origin, string Text, string? Group)> Read(
        string name, string textKey = "text", string? groupKey = null) =>
        [
            .. new DocumentReader([directory[name]], new(textKey, groupKey), SilentReporter.Instance).Read()
                .Select(document => ($"{document.Origin}", document.Text, document.Group))];

    private string Refusal(string name, string textKey = "text", string? groupKey = null)
    {
        var message = Should.Throw<InvalidInputException>(() => Read(name, textKey, groupKey)).Message;
        message.ShouldNotContain("\n");
        return message;
    }
}
