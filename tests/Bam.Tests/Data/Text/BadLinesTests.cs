using Bam.Data.Text;
using Bam.Tests.Experiments;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class BadLinesTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly RecordingReporter reporter = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("""{"score": NaN, "text": "x"}""")]
    [InlineData("""{"score": [Infinity, -Infinity, NaN], "text": "x"}""")]
    [InlineData("""{"a": {"text": "inner"}, "text": "x", "NaN": "\"NaN"}""")]
    [InlineData("""{"\ud800": 1, "\udc00text": "\ud800", "text": "x"}""")]
    [InlineData("""{"text": "x", "text": "x", "id": 1, "id": 2}""")]
    [InlineData("{\"te\\u0078t\": \"x\"}\r")]
    [InlineData("\uFEFF{\"text\": \"x\"}")]
    public void What_other_tools_write_is_read(string line)
    {
        Write("a.jsonl", "{\"text\": \"one\"}\n" + line + "\n");

        Read("a.jsonl").ShouldBe(["one", "x"]);
        reporter.Said.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(70)]
    [InlineData(5_000)]
    public void Deep_fields_that_are_not_read_do_not_matter(int depth)
    {
        Write("a.jsonl", $"{{\"text\": \"x\", \"meta\": {new string('[', depth)}{new string(']', depth)}}}");

        Read("a.jsonl").ShouldBe(["x"]);
    }

    [Fact]
    public void A_line_that_nests_without_end_is_a_bad_one()
    {
        Write("a.jsonl", $"{{\"text\": \"x\", \"meta\": {new string('[', 1_000_000)}");

        Refusal("a.jsonl").ShouldStartWith(
            $"{directory["a.jsonl"]}:1: expected JSON of at most 10,000 levels, found a deeper one; ");
    }

    [Fact]
    public void Text_that_is_null_is_an_empty_document()
    {
        Write("a.jsonl", "{\"text\": null}\n{\"text\": \"x\"}\n{\"text\": \"\"}\n");

        Read("a.jsonl").ShouldBe(["x"]);
        reporter.Said.ShouldBe(["passed over 2 documents without text"]);
    }

    [Fact]
    public void A_mark_at_the_beginning_of_a_later_member_is_no_part_of_its_text()
    {
        File.WriteAllBytes(
            directory["a.jsonl.gz"],
            [.. GzipMember.Of("\uFEFF{\"text\": \"one\"}\n"), .. GzipMember.Of("\uFEFF{\"text\": \"two\"}\n")]);

        Read("a.jsonl.gz").ShouldBe(["one", "two"]);
    }

    [Fact]
    public void All_bad_lines_of_all_files_are_counted_and_the_first_named()
    {
        Write("a.jsonl", "{\"text\": \"one\"}\n{\"text\": 7}\n{\"text\n\n[1]\n");
        Write("b.jsonl", "{\"text\": \"two\"}\n{\"body\": \"x\"}\n");

        Refusal("a.jsonl", "b.jsonl").ShouldBe(
            $"4 bad lines: {directory["a.jsonl"]}:2, field \"text\": expected a string, found a number; "
                + $"{directory["a.jsonl"]}:3: expected a JSON object, found damage at byte 6 of the line; "
            + $"{directory["a.jsonl"]}:5: expected a JSON object, found an array; …; "
            + "name the text's field with --text-key, or mend the line or take it out, "
            + "or read past them with --skip-bad-lines 4 (skip_bad_lines in a recipe)");
    }

    [Theory]
    [InlineData(0, "at least 1,000,000 bad lines: ")]
    [InlineData(7, "at least 1,000,007 bad lines, more than the 7 that may be passed over: ")]
    public void A_million_too_many_end_the_count_and_are_not_offered_to_be_passed_over(long allowed, string beginning)
    {
        var bad = new BadLines(allowed);
        var line = new BadLine("a.jsonl:1", "a JSON object", "an array", "mend it");
        for (var count = 1; count < allowed + 1_000_000; count++) bad.Add(line);

        Should.Throw<InvalidInputException>(() => bad.Add(line)).Message.ShouldBe(
            beginning + string.Concat(Enumerable.Repeat("a.jsonl:1: expected a JSON object, found an array; ", 3)) + "…; "
            + "check that --text-key (text_key in a recipe) names the text's field and that the files are JSONL");
    }

    [Fact]
    public void As_many_bad_lines_as_allowed_are_passed_over_with_a_warning()
    {
        Write("a.jsonl", "[1]\n{\"text\": \"one\"}\n{\"text\n{\"text\": \"two\"}\n");

        Read(2, "a.jsonl").ShouldBe(["one", "two"]);
        reporter.Said.ShouldBe([
            $"2 bad lines passed over: {directory["a.jsonl"]}:1: expected a JSON object, found an array; "
                + $"{directory["a.jsonl"]}:3: expected a JSON object, found damage at byte 6 of the line"]);
        Should.Throw<InvalidInputException>(() => Read(1, "a.jsonl")).Message
            .ShouldStartWith("2 bad lines, more than the 1 that may be passed over: ");
    }

    [Fact]
    public void Lines_passed_over_are_told_even_when_reading_ends_early()
    {
        Write("a.jsonl", "[1]\n{\"text\": \"one\"}\n{\"text\": \"two\"}\n");

        DocumentTexts.Read([directory["a.jsonl"]], reporter, skipBadLines: 5).First().ShouldBe("one");
        reporter.Said.ShouldBe([$"1 bad line passed over: {directory["a.jsonl"]}:1: expected a JSON object, found an array"]);
    }

    [Fact]
    public void No_document_comes_after_the_line_that_is_one_too_many()
    {
        Write("a.jsonl", "{\"text\": \"one\"}\n[1]\n{\"text\": \"two\"}\n");
        var read = new List<string>();

        Should.Throw<InvalidInputException>(() =>
        {
            foreach (var text in DocumentTexts.Read([directory["a.jsonl"]], reporter)) read.Add(text);
        });
        read.ShouldBe(["one"]);
    }

    private void Write(string name, string text) => File.WriteAllText(directory[name], text);

    private List<string> Read(params string[] names) => Read(0, names);

    private List<string> Read(long skipBadLines, params string[] names) =>
        [.. DocumentTexts.Read([.. names.Select(name => directory[name])], reporter, skipBadLines: skipBadLines)];

    private string Refusal(params string[] names) => Should.Throw<InvalidInputException>(() => Read(names)).Message;
}
