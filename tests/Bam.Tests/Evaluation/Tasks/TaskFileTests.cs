using System.IO.Compression;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Files;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Tests.Data.Text;
using ParquetSharp;
using Shouldly;
using Xunit;
using ZstdSharp;

namespace Bam.Tests.Evaluation.Tasks;

public sealed class TaskFileTests : IDisposable
{
    private static readonly TaskDefinition Mmlu = TaskLibrary.Load("mmlu");

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("rows.jsonl")]
    [InlineData("rows.jsonl.gz")]
    [InlineData("rows.ndjson.zst")]
    public void Json_lines_are_read(string name)
    {
        var rows = Read(
            name, "\uFEFF{\"question\": \"né?\", \"answer\": 1}\r\n\n{\"question\": \"b\"}", TaskLibrary.Load("gsm8k"));

        rows.Select(Origin).ShouldBe([$"{name}:1", $"{name}:3"]);
        rows[0].Fields.ToJsonString().ShouldBe("""{"question":"n\u00E9?","answer":1}""");
    }

    [Fact]
    public void The_last_of_two_values_counts() =>
        Read("rows.jsonl", """{"a": 1, "b": {"c": 1, "c": 2}, "a": [3, null]}""", TaskLibrary.Load("gsm8k")).Single().Fields
            .ToJsonString().ShouldBe("""{"a":[3,null],"b":{"c":2}}""");

    [Theory]
    [InlineData("""[{"a": 1}, {"a": 2}]""", 2)]
    [InlineData("""{"a": 1}""", 1)]
    public void A_json_file_holds_a_row_or_a_list_of_rows(string text, int count) =>
        Read("rows.json", text, TaskLibrary.Load("gsm8k")).Count.ShouldBe(count);

    [Fact]
    public void Csv_has_quoted_values_with_separators_and_line_breaks()
    {
        var rows = Read(
            "test.csv", "question,choice0,answer\r\n\"a, \"\"b\"\"\nc\",,1\r\n\r\nd,\"\",\n", Mmlu);

        rows.Select(row => row.Fields.ToJsonString()).ShouldBe(
            ["""{"question":"a, \u0022b\u0022\nc","choice0":"","answer":"1"}""",
            """{"question":"d","choice0":"","answer":""}"""]);
        rows.Select(Origin).ShouldBe(["test.csv:2", "test.csv:5"]);
    }

    [Fact]
    public void Csv_without_a_head_has_the_columns_of_the_task()
    {
        var rows = Read("test.csv", "Why?,w,x,y,z,C\n", Mmlu);

        rows.Single().Fields.ToJsonString()
            .ShouldBe("""{"question":"Why?","A":"w","B":"x","C":"y","D":"z","answer":"C"}""");
    }

    [Fact]
    public void Tsv_is_separated_by_tabs() =>
        Read("train.tsv", "label\ttext\nYes\ta, b\n", TaskLibrary.Load("legalbench")).Single().Fields.ToJsonString()
            .ShouldBe("""{"label":"Yes","text":"a, b"}""");

    [Fact]
    public void Parquet_has_lists_and_only_the_columns_of_the_task_are_read()
    {
        Column[] columns =
        [
            new Column<string>("question"), new Column<string[]>("choices"), new Column<long>("answer"), new Column<int>("other"),
        ];
        Array[] first = [new[] { "a" }, new[] { new[] { "w", "x", "y", "z" } }, new[] { 3L }, new[] { 9 }];
        Array[] second = [new[] { "b" }, new[] { new[] { "s", "t", "u", "v" } }, new[] { 0L }, new[] { 9 }];
        File.WriteAllBytes(directory["test.parquet"], ParquetSample.Write(columns, null, first, second));

        var rows = TaskFile.Read(directory["test.parquet"], Mmlu);

        rows.Select(row => row.Fields.ToJsonString()).ShouldBe(
            ["""{"question":"a","choices":["w","x","y","z"],"answer":3}""",
            """{"question":"b","choices":["s","t","u","v"],"answer":0}"""]);
        rows.Select(Origin).ShouldBe(["test.parquet:1", "test.parquet:2"]);
    }

    [Fact]
    public void Labels_of_a_file_beside_are_a_field()
    {
        File.WriteAllText(directory["valid-labels.lst"], "1\n0\n");

        var rows = Read("valid.jsonl", "{\"goal\": \"a\"}\n{\"goal\": \"b\"}\n", TaskLibrary.Load("piqa"));

        rows.Select(row => (string)row.Fields["label"]!).ShouldBe(["1", "0"]);
        File.WriteAllText(directory["valid-labels.lst"], "1\n");
        Should.Throw<InvalidInputException>(() => TaskFile.Read(directory["valid.jsonl"], TaskLibrary.Load("piqa"))).Message
            .ShouldEndWith("valid-labels.lst: expected 2 lines, one for each row, found 1; copy it again");
    }

    [Fact]
    public void A_missing_file_says_where_the_data_are_published() =>
        Should.Throw<InvalidInputException>(() => TaskFile.Read(directory["test.jsonl"], TaskLibrary.Load("gsm8k"))).Message
            .ShouldEndWith("test.jsonl: does not exist; Bam reads local files only, and the data set is published at "
                + TaskLibrary.Load("gsm8k").Published);

    [Theory]
    [InlineData("a.jsonl", "[1]", ":1: expected a JSON object")]
    [InlineData("a.jsonl", "{\"a\": 1", ":1: not JSON")]
    [InlineData("a.jsonl", "\n", ": expected rows, found none")]
    [InlineData("a.csv", "a,b\n1,2,3\n", ":2: expected 2 values, found 3")]
    [InlineData("a.csv", "a,b\n1,\"2\n", ":2: expected a closing quote, found none")]
    [InlineData("a.txt", "x", ": expected a file .jsonl, .json, .csv")]
    [InlineData("a.parquet.gz", "x", ": expected a file .jsonl, .json, .csv")]
    [InlineData("a.parquet", "x", ": expected a Parquet file")]
    public void What_is_no_table_is_refused(string name, string text, string message)
    {
        File.WriteAllText(directory[name], text);

        Should.Throw<InvalidInputException>(() => TaskFile.Read(directory[name], TaskLibrary.Load("gsm8k"))).Message
            .ShouldStartWith(directory[name] + message);
    }

    [Fact]
    public void Other_bytes_than_text_are_refused()
    {
        File.WriteAllBytes(directory["a.csv"], "a,b\n1,"u8.ToArray().Append((byte)0xFF).ToArray());

        Should.Throw<InvalidInputException>(() => TaskFile.Read(directory["a.csv"], Mmlu)).Message
            .ShouldStartWith($"{directory["a.csv"]}: expected UTF-8 text");
    }

    private static string Origin(TaskRow row) => Path.GetFileName(row.Origin);

    private IReadOnlyList<TaskRow> Read(string name, string text, TaskDefinition task)
    {
        using (var file = File.Create(directory[name]))
        using (Stream stream = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest)
            : name.EndsWith(".zst", StringComparison.Ordinal) ? new CompressionStream(file) : file)
            stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
        return TaskFile.Read(directory[name], task);
    }
}
