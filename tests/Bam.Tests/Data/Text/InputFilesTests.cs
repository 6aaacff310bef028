using Bam.Data.Text;
using Shouldly;
using Xunit;

namespace Bam.Tests.Data.Text;

public sealed class InputFilesTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public InputFilesTests()
    {
        foreach (var name in new[] { "b.txt", "a/z.jsonl", "a/c/x.txt", "a/c/y.py", "a/B.txt", "a/n.jsonl.gz", ".hidden/h.txt", "a/.h.txt", "a/read.me" })
        {
            Directory.CreateDirectory(Path.GetDirectoryName(directory[name])!);
            File.WriteAllText(directory[name], "x");
        }
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_folder_is_all_text_below_it_in_ordinal_order() =>
        Resolve("").ShouldBe(["a/B.txt", "a/c/x.txt", "a/n.jsonl.gz", "a/z.jsonl", "b.txt"]);

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

    private string Refusal(string input) => Should.Throw<InvalidInputException>(() => Resolve(input)).Message;

    private IEnumerable<string> Resolve(params string[] inputs) =>
        InputFiles.Resolve(inputs.Select(input => directory[input])).Select(path => Path.GetRelativePath(directory.Root, path));
}
