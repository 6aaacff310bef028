using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class YamlThatBitesTests : IDisposable
{
    private readonly CaseFiles files = new("yaml-that-bites");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("self.yaml", "1: alias '*a' stands inside its own anchor '&a'; write out what is meant")]
    [InlineData(
        "no-anchor.yaml", "2: alias '*nosuch' has no anchor '&nosuch' before it; add the anchor or write out what is meant")]
    [InlineData("nul.yaml", "1: expected text, found a NUL character in it; remove it")]
    [InlineData(
        "laugh.yaml",
        "2: expected at most 100,000 keys and values, aliases counted as what they stand for, found more; is it the right file?")]
    [InlineData("deep3.yaml", "3: expected at most 64 levels, found more; is it the right file?")]
    public void A_configuration_costs_one_line(string file, string line) =>
        Run("train", file).ShouldBe($"bam: {files[file]}:{line}\n");

    [Theory]
    [InlineData("self-merge.yaml")]
    [InlineData("self-recipe.yaml")]
    public void A_recipe_costs_one_line(string file) =>
        Run("run", file, "--dry-run").ShouldBe(
            $"bam: {files[file]}:2: alias '*a' stands inside its own anchor '&a'; write out what is meant\n");

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Depth_costs_one_line(string open)
    {
        File.WriteAllText(files["deep.yaml"], "config:\n  " + string.Concat(Enumerable.Repeat(open, 200_000)));
        Run("train", "deep.yaml").ShouldBe(
            $"bam: {files["deep.yaml"]}:2: expected at most 64 levels, found more; is it the right file?\n");
    }

    [Fact]
    public void A_long_file_costs_one_line()
    {
        File.WriteAllText(files["long.yaml"], "config: " + new string('x', 1 << 20));
        Run("train", "long.yaml").ShouldBe(
            $"bam: {files["long.yaml"]}: expected a file of at most 1,048,576 bytes, found 1,048,584; is it the right file?\n");
    }

    private string Run(string verb, string file, params string[] options)
    {
        var run = CommandLineRun.Of([verb, files[file], .. options]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        return run.Error;
    }
}
