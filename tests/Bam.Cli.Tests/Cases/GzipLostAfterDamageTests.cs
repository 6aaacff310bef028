using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class GzipLostAfterDamageTests : IDisposable
{
    private readonly CaseFiles files = new("gzip-lost-after-damage");

    public void Dispose() => files.Dispose();

    [Fact]
    public void Bytes_behind_a_member_that_are_neither_a_member_nor_zeros_are_refused()
    {
        var file = files["damaged-second.jsonl.gz"];
        var expected = $"bam: {file}: expected another gzip member or zeros behind the member that ends at byte 54, "
            + "found 57 bytes at 55 that are neither; copy the file again, or cut it off there if they are no text\n";

        foreach (var run in new[] { Encode(file), Build(file), Train(file) })
        {
            run.Status.ShouldBe(2);
            run.Error.ShouldEndWith(expected);
        }

        Directory.Exists(files["db"]).ShouldBeFalse();
    }

    [Fact]
    public void Zeros_between_members_are_padding()
    {
        var file = files["zeros-between.jsonl.gz"];

        Encode(file).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length.ShouldBe(4);
        var build = Build(file);
        build.Status.ShouldBe(0, build.Error);
        build.Output.ShouldMatch(@"read +4\b");
    }

    private CommandLineRun Encode(string file) =>
        CommandLineRun.Of("tokenizer", "encode", file, "--tokenizer", files["tokenizer.json"]);

    private CommandLineRun Train(string file) =>
        CommandLineRun.Of("tokenizer", "train", file, "--vocab-size", "300", "--output", files["trained.json"]);

    private CommandLineRun Build(string file) => CommandLineRun.Of(
        "data", "build", "--input", file, "--tokenizer", files["tokenizer.json"], "--output", files["db"], "--held-out-fraction",
        "0");
}
