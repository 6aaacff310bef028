using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using Bam.Data.Text;
using Bam.Tests.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class DocumentReaderTests : IDisposable
{
    private const string Way = ", or read past it with --skip-bad-lines 1 (skip_bad_lines in a recipe)";

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_text_file_is_a_document()
    {
        Write("a.txt", "\uFEFFfirst line\r\n\n  second – line\n");

        Read("a.txt").ShouldBe([($"{directory["a.txt"]}", "first line\r\n\n  second – line\n", null)]);
    }

    [Fact]
    public void Sections_are_documents()
    {
        Write("a.txt", "\uFEFF%%\none\nline\n  %%\r\n\n%%\n%% not one\nlast");

        Read("a.txt", separator: "%%").ShouldBe([
            ($"{directory["a.txt"]}:2", "one\nline\n", null),
            ($"{directory["a.txt"]}:7", "%% not one\nlast", null)]);
    }

    [Fact]
    public void Json_lines_are_documents()
    {
        Write("a.jsonl", """
            {"id": 1, "text": "one\nline"}

            {"text": "zw\u00f6lf \ud83d\ude00", "source": "s"}
            """);

        Read("a.jsonl").ShouldBe([
            ($"{directory["a.jsonl"]}:1", "one\nline", null),
            ($"{directory["a.jsonl"]}:3", "zwölf 😀", null)]);
    }

    [Fact]
    public void The_keys_of_json_lines_can_be_chosen()
    {
        Write("a.jsonl", """{"content": "one", "book": "b"}""");

        Read("a.jsonl", textKey: "content", groupKey: "book").ShouldBe([($"{directory["a.jsonl"]}:1", "one", "b")]);
    }

    [Fact]
    public void Compressed_json_lines_are_documents()
    {
        var lines = string.Concat(
            Enumerable.Range(0, 5000).Select(i => $$"""{"text": "{{RandomText.Words(60, $"{i}")}}"}""" + "\n"));
        File.WriteAllBytes(directory["a.jsonl.gz"], Gzip(lines));

        var documents = Read("a.jsonl.gz");
        documents.Count.ShouldBe(5000);
        documents[4999].ShouldBe(($"{directory["a.jsonl.gz"]}:5000", RandomText.Words(60, "4999"), null));
    }

    [Theory]
    [InlineData(
        """{"text": "x" """, ":2: expected a JSON object, found damage at byte 12 of the line; mend the line or take it out")]
    [InlineData("""["text"]""", ":2: expected a JSON object, found an array; mend the line or take it out")]
    [InlineData(
        """{"body": "x", "id": 1}""",
        ":2: expected the field \"text\", found only \"body\", \"id\"; name the text's field with --text-key")]
    [InlineData(
        """{"text": 7}""", ":2, field \"text\": expected a string, found a number; name the text's field with --text-key")]
    [InlineData(
        """{"text": ["x"]}""", ":2, field \"text\": expected a string, found an array; name the text's field with --text-key")]
    [InlineData(
        """{"text": NaN}""", ":2, field \"text\": expected a string, found a number; name the text's field with --text-key")]
    [InlineData(
        """{"text": "x", "id": NaNa}""",
        ":2: expected a JSON object, found damage at byte 23 of the line; mend the line or take it out")]
    [InlineData(
        """{"text": "one", "text": "two"}""",
        ":2, field \"text\": expected one value, found two different ones; mend the line or take it out")]
    [InlineData("{}", ":2: expected the field \"text\", found no field; name the text's field with --text-key")]
    [InlineData(
        """{"\ud800": 1}""", ":2: expected the field \"text\", found only \"\\ud800\"; name the text's field with --text-key")]
    [InlineData(
        """{"text": "\ud800"}""",
        ":2, field \"text\": expected text, found half a surrogate pair (\\ud800 to \\udfff); mend the line or take it out")]
    public void A_bad_line_is_named_by_its_number(string line, string message)
    {
        Write("a.jsonl", "{\"text\": \"one\"}\n" + line + "\n{\"text\": \"three\"}\n");

        Refusal("a.jsonl").ShouldBe(directory["a.jsonl"] + message + Way);
    }

    [Fact]
    public void Damaged_characters_are_refused_with_their_place()
    {
        byte[] latin = [.. "abc "u8, 0xE9, .. " def"u8];
        File.WriteAllBytes(directory["a.txt"], latin);
        File.WriteAllBytes(directory["b.txt"], [.. "one\n%%\n"u8, .. latin]);
        File.WriteAllBytes(directory["c.jsonl"], [.. "{\"text\": \"one\"}\n{\"text\": \""u8, .. latin, .. "\"}"u8]);
        const string tail = "convert it, for example with 'iconv -f latin1 -t utf-8'";

        Refusal("a.txt").ShouldBe($"{directory["a.txt"]}: expected UTF-8 text, found byte 0xE9 at offset 4; {tail}");
        Refusal("b.txt", separator: "%%").ShouldBe(
            $"{directory["b.txt"]}:3: expected UTF-8 text, found byte 0xE9 at offset 4; {tail}");
        Refusal("c.jsonl").ShouldBe($"{directory["c.jsonl"]}:2: expected UTF-8 text, found byte 0xE9 at offset 14; {tail}{Way}");
    }

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE, (byte)'h', 0 })]
    [InlineData(new byte[] { 0xFE, 0xFF, 0, (byte)'h' })]
    public void Text_that_begins_as_UTF16_does_is_called_so(byte[] text)
    {
        File.WriteAllBytes(directory["a.txt"], text);

        Refusal("a.txt").ShouldEndWith("at offset 0; it begins as UTF-16 does: convert it with 'iconv -f utf-16 -t utf-8'");
    }

    [Fact]
    public void Compressed_files_and_parquet_under_another_name_are_called_so()
    {
        foreach (var (content, format, name) in new[]
        {
            (ParquetSample.Of(null, ["one"]), "Parquet", ".parquet"),
            (Gzip("one"), "gzip", ".txt.gz or .jsonl.gz"),
            (ZstdTextTests.Frame("one"), "zstd", ".txt.zst or .jsonl.zst"),
        })
        {
            File.WriteAllBytes(directory["a.txt"], content);
            Refusal("a.txt").ShouldEndWith($"; it begins as {format} does: name it {name}");
        }
    }

    // The first bytes of such files, as they are on their own or as a first line of JSON.
    [Theory]
    [InlineData("bzip2", "a.txt", new byte[] { 0x42, 0x5A, 0x68, 0x39, 0x31, 0xFF })]
    [InlineData("xz", "a.jsonl", new byte[] { 0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00 })]
    [InlineData("zip", "a.jsonl", new byte[] { 0x50, 0x4B, 0x03, 0x04, 0x14, 0xFF })]
    [InlineData("gzip", "a.jsonl", new byte[] { 0x1F, 0x8B, 0x08, 0x08 })]
    public void Compressed_files_are_no_text_in_another_encoding(string format, string name, byte[] content)
    {
        File.WriteAllBytes(directory[name], content);
        Refusal(name).ShouldContain($"; it begins as {format} does: ");
    }

    [Theory]
    [InlineData("a.ndjson")]
    [InlineData("A.NDJSON")]
    public void Lines_of_ndjson_are_documents(string name)
    {
        Write(name, "{\"text\": \"one\"}\n{\"text\": \"two\"}\n");

        Read(name).Select(document => document.Text).ShouldBe(["one", "two"]);
    }

    [Theory]
    [InlineData("a.json", "{\"id\": 1, \"text\": \"one\"}\n{\"text\": \"two\"}\n", true)]
    [InlineData("a.txt", "\uFEFF{\"text\": \"one\"}", true)]
    [InlineData("a.json", "{\"body\": \"one\"}\n", false)]
    [InlineData("a.json", "{\"text\": 1}\n", false)]
    [InlineData("a.json", "{\n\"text\": \"one\"}\n", false)]
    [InlineData("a.md", "{x} is a set", false)]
    public void Jsonl_under_another_name_is_text_and_warned_of(string name, string content, bool isWarned)
    {
        Write(name, content);
        var reporter = new RecordingReporter();

        new DocumentReader([directory[name]], new DocumentFormat("text"), reporter).Read().Single().Text
            .ShouldBe(content.TrimStart('\uFEFF'));

        reporter.Warnings.ShouldBe(isWarned
            ? [
                $"{directory[name]}: is read as plain text, but begins with a JSON object that has a key 'text'; name it .jsonl "
                    + "if each of its lines is a document"]
            : []);
    }

    [Theory]
    [InlineData("a.txt", "", "an empty file")]
    [InlineData("a.txt", " \n\t", "only white space")]
    [InlineData("a.jsonl", "", "an empty file")]
    [InlineData("a.jsonl", "{\"text\": \"\"}\n{\"text\": \" \"}\n", "only white space")]
    public void A_file_without_text_is_refused(string name, string content, string found)
    {
        Write(name, content);

        Refusal(name).ShouldBe($"{directory[name]}: expected text, found {found}; leave the file out or give another");
    }

    [Fact]
    public void Empty_documents_are_counted_and_passed_over()
    {
        Write("a.jsonl", "{\"text\": \"\"}\n{\"text\": \"x\"}\n{\"text\": \"\\n\"}\n");

        var reader = new DocumentReader([directory["a.jsonl"]], new("text"), SilentReporter.Instance);
        reader.Read().Select(document => document.Text).ShouldBe(["x"]);
        reader.EmptyDocuments.ShouldBe(2);
        reader.BytesRead.ShouldBe(new FileInfo(directory["a.jsonl"]).Length);
    }

    [Fact]
    public void Long_lines_are_read()
    {
        var text = RandomText.Words(300_000, "long");
        Write("a.jsonl", $"{{\"text\": \"{text}\"}}\n{{\"text\": \"short\"}}");

        Read("a.jsonl").Select(document => document.Text).ShouldBe([text, "short"]);
    }

    [Theory]
    [InlineData(4, false)]
    [InlineData(5, true)]
    [InlineData(12, true)]
    public void A_document_longer_than_a_string_is_refused(int characters, bool isRefused)
    {
        var text = new string('é', characters);
        Action[] reads =
        [
            () => PlainText.ReadWhole(Bytes(text), "a.txt", maxCharacters: 4).Single().Text.ShouldBe(text),
            () => PlainText.ReadSections(Bytes($"x\n%%\n{text}"), "a.txt", "%%", maxCharacters: 4).Last().Text.ShouldBe(text),
        ];
        foreach (var (read, where) in reads.Zip(["a.txt", "a.txt:3"]))
        {
            if (isRefused)
                Should.Throw<InvalidInputException>(read).Message.ShouldBe(
                    $"{where}: expected a document of at most 4 characters, found a longer one; split the document");
            else read();
        }

        static MemoryStream Bytes(string text) => new(Encoding.UTF8.GetBytes(text));
    }

    [Fact]
    public void No_string_is_longer_than_the_longest_document() =>
        Should.Throw<OutOfMemoryException>(() => new string('a', StrictUtf8.MaxCharacters + 1));

    [Fact]
    public void A_pipe_is_refused_though_nobody_writes_into_it()
    {
        using (var mkfifo = Process.Start("mkfifo", [directory["pipe"]])) mkfifo.WaitForExit();

        Refusal("pipe").ShouldBe($"{directory["pipe"]}: expected a regular file, found a pipe; write it to a file first");
    }

    [Theory]
    [InlineData("a.tar.gz", ".gz")]
    [InlineData("a.json.zst", ".zst")]
    [InlineData("a.parquet.gz", ".gz")]
    public void Another_compressed_file_is_refused(string name, string kind)
    {
        Write(name, "x");

        Refusal(name).ShouldBe(
            $"{directory[name]}: expected a compressed .txt, .jsonl or .ndjson, found another kind of {kind}; decompress it");
    }

    [Fact]
    public void Compressed_text_is_a_document_or_several()
    {
        const string Text = "\uFEFFone\n%%\ntwo, Straße 漢字\n";
        File.WriteAllBytes(directory["a.txt.gz"], Gzip(Text));
        File.WriteAllBytes(directory["a.txt.zst"], ZstdTextTests.Frame(Text));
        foreach (var name in new[] { "a.txt.gz", "a.txt.zst" })
        {
            var file = directory[name];
            Read(name).ShouldBe([(file, Text.TrimStart('\uFEFF'), null)]);
            Read(name, separator: "%%").ShouldBe([($"{file}:1", "one\n", null), ($"{file}:3", "two, Straße 漢字\n", null)]);
        }
    }

    [Fact]
    public void Files_of_all_kinds_are_read_one_after_the_other()
    {
        Write("a.txt", "text");
        Write("b.jsonl", "{\"text\": \"lines\"}");
        File.WriteAllBytes(directory["c.jsonl.gz"], Gzip("{\"text\": \"gzip\"}"));
        File.WriteAllBytes(directory["d.jsonl.zst"], ZstdTextTests.Frame("{\"text\": \"zstd\"}"));
        File.WriteAllBytes(directory["e.parquet"], ParquetSample.Of(null, ["parquet"]));
        File.WriteAllBytes(directory["f.txt.zstd"], ZstdTextTests.Frame("zstd text"));
        var files = InputFiles.Resolve([directory.Root]);

        var reader = new DocumentReader(files, new("text"), SilentReporter.Instance);

        reader.Read().Select(document => document.Text).ShouldBe(["text", "lines", "gzip", "zstd", "parquet", "zstd text"]);
        reader.BytesRead.ShouldBe(files.Sum(file => new FileInfo(file).Length));
    }

    [Fact]
    public void Compressed_text_that_is_too_long_is_refused() =>
        Should.Throw<InvalidInputException>(() => PlainText.ReadWhole(
            new ZstdText(new MemoryStream(ZstdTextTests.Frame(new string('x', 100))), "a.txt.zst"), "a.txt.zst", maxCharacters: 4)
            .Single()).Message.ShouldBe(
                "a.txt.zst: expected a document of at most 4 characters, found a longer one; split the document");

    private static byte[] Gzip(string text)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal)) gzip.Write(Encoding.UTF8.GetBytes(text));
        return compressed.ToArray();
    }

    private void Write(string name, string text) => File.WriteAllText(directory[name], text);

    private List<(string Origin, string Text, string? Group)> Read(
        string name, string textKey = "text", string? groupKey = null, string? separator = null) =>
        [
            .. new DocumentReader([directory[name]], new(textKey, groupKey, separator), SilentReporter.Instance).Read()
                .Select(document => ($"{document.Origin}", document.Text, document.Group))];

    private string Refusal(string name, string? separator = null)
    {
        var message = Should.Throw<InvalidInputException>(() => Read(name, separator: separator)).Message;
        message.ShouldNotContain("\n");
        return message;
    }
}
