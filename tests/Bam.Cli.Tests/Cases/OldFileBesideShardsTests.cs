using Bam.Cli.Tests.Commands;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>A model.safetensors of an earlier save beside an index with shards, whose weights differ.</summary>
public sealed class OldFileBesideShardsTests : IDisposable
{
    private readonly CaseFiles files = new("old-file-beside-shards");

    private string Model => files["model"];

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("inspect MODEL")]
    [InlineData("mix btx --seed MODEL --expert MODEL --output OUT")]
    [InlineData("export MODEL --format llama --output OUT")]
    public void Both_are_named_and_neither_is_read(string command)
    {
        var run = CommandLineRun.Of(
            [.. command.Split(' ').Select(word => word switch { "MODEL" => Model, "OUT" => files["out"], _ => word })]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldBe(
            $"bam: {Model}: expected one set of weights, found model.safetensors and the 2 shards of "
            + "model.safetensors.index.json, which differ; move the set that is not meant to another directory\n");
        Directory.Exists(files["out"]).ShouldBeFalse();
    }

    [Fact]
    public void Either_is_read_without_the_other()
    {
        Directory.CreateDirectory(files["old"]);
        File.Copy(files["model/config.json"], files["old/config.json"]);
        File.Move(files["model/model.safetensors"], files["old/model.safetensors"]);
        var run = CommandLineRun.Of("inspect", files["old"], Model);
        run.ShouldBeDone();
        run.Error.ShouldNotContain("warning");
        run.Output.ShouldNotContain("are the same");
    }
}
