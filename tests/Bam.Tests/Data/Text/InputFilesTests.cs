using Bam.Data.Text;
using Bam.Tests.Training;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class InputFilesTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public InputFilesTests()
    {
        string[] names =
        [
            "b.txt", "a/z.jsonl", "a/c/x.txt", "a/c/y.py", "a/B.txt", "a/n.jsonl.gz", ".hidden/h.txt", "a/.h.txt", "a/read.me",
        ];
        foreach (var name in names) Write(name);
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_folder_is_all_text_below_it_in_ordinal_order() =>
        Resolve("").ShouldBe(["a/B.txt", "a/c/x.txt", "a/n.jsonl.gz", "a/z.jsonl", "b.txt"]);

    [Fact]
    public void In_a_folder_the_case_of_an_ending_does_not_matter()
    {
        foreach (var name in new[] { "c/LAW.TXT", "c/code.txt", "c/x.JSONL", "c/y.jsonl.GZ" }) Write(name);
        Resolve("c").ShouldBe(["c/LAW.TXT", "c/code.txt", "c/x.JSONL", "c/y.jsonl.GZ"]);
    }

    [Fact]
    public void A_folder_may_hold_files_of_all_kinds()
    {
        string[] texts =
        [
            "a.txt", "b.jsonl", "c.ndjson", "d.parquet", "e.txt.gz", "f.jsonl.gz", "g.ndjson.gz", "h.txt.zst", "i.jsonl.zst",
            "j.ndjson.zstd", "k.PARQUET", "l.txt.zstd",
        ];
        string[] others = ["a.json", "a.gz", "a.zst", "a.json.gz", "a.parquet.gz", "a.tar.zst", "parquet", "txt.zst"];
        foreach (var name in texts.Concat(others)) Write($"all/{name}");
        var reporter = new RecordingReporter();

        InputFiles.Resolve([directory["all"]], reporter).Select(file => Path.GetFileName(file)).ShouldBe(texts);

        reporter.Lines.ShouldBe([$"8 files of other kinds in {directory["all"]} were not read, such as a.gz"]);
    }

    [Fact]
    public void Files_of_other_kinds_in_a_folder_are_counted()
    {
        var reporter = new RecordingReporter();
        InputFiles.Resolve([directory.Root], reporter);
        Write("one/1.txt");
        Write("one/2.tar.gz");
        InputFiles.Resolve([directory["one"], directory["a/c/y.py"], directory["**/*.txt"]], reporter);
        reporter.Lines.ShouldBe(
        [
            $"2 files of other kinds in {directory.Root} were not read, such as a/c/y.py",
            $"1 file of another kind in {directory["one"]} was not read, 2.tar.gz",
        ]);
    }

    [Theory]
    [InlineData("*.txt", new[] { "b.txt" })]
    [InlineData("a/*.txt", new[] { "a/B.txt" })]
    [InlineData("**/*.txt", new[] { "a/B.txt", "a/c/x.txt", "b.txt" })]
    [InlineData("a/**/?.py", new[] { "a/c/y.py" })]
    [InlineData("*/c/*", new[] { "a/c/x.txt", "a/c/y.py" })]
    [InlineData("a/**", new[] { "a/B.txt", "a/c/x.txt", "a/c/y.py", "a/n.jsonl.gz", "a/read.me", "a/z.jsonl" })]
    [InlineData(".hidden/*", new[] { ".hidden/h.txt" })]
    [InlineData("a/read.me", new[] { "a/read.me" })]
    public void Patterns_and_files_are_taken_by_name(string input, string[] expected) => Resolve(input).ShouldBe(expected);

    [Fact]
    public void Inputs_keep_their_order_and_files_come_once() =>
        Resolve("b.txt", "a/*.txt", "").ShouldBe(["b.txt", "a/B.txt", "a/c/x.txt", "a/n.jsonl.gz", "a/z.jsonl"]);

    [Fact]
    public void A_loop_of_links_ends_and_a_linked_file_counts()
    {
        Directory.CreateSymbolicLink(directory["a/loop"], directory.Root);
        File.CreateSymbolicLink(directory["a/link.txt"], directory["b.txt"]);

        Resolve("a").ShouldBe(["a/B.txt", "a/c/x.txt", "a/link.txt", "a/n.jsonl.gz", "a/z.jsonl"]);
    }

    [Fact]
    public void What_is_not_there_is_named()
    {
        Refusal("no.txt").ShouldBe($"{directory["no.txt"]}: does not exist; check the path");
        Refusal("*.md").ShouldStartWith($"{directory["*.md"]}: no text was found there; ");
        Directory.CreateDirectory(directory["empty"]);
        Refusal("empty").ShouldStartWith($"{directory["empty"]}: no text was found there; ");
    }

    private void Write(string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(directory[name])!);
        File.WriteAllText(directory[name], "x");
    }

    private string Refusal(string input) => Should.Throw<InvalidInputException>(() => Resolve(input)).Message;

    private IEnumerable<string> Resolve(params string[] inputs) =>
        InputFiles.Resolve(inputs.Select(input => directory[input])).Select(path => Path.GetRelativePath(directory.Root, path));
}
