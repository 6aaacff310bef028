using System.Text.Json.Nodes;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

public sealed class RotarySettingsTests : IDisposable
{
    private readonly CaseFiles files = new("rope-settings-in-other-places");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("attention-factor-1")]
    [InlineData("attention-factor-null")]
    [InlineData("by-layer-type")]
    [InlineData("length-as-float")]
    [InlineData("linear-with-original-length")]
    [InlineData("llama3-theta-in-scaling")]
    [InlineData("theta-in-scaling")]
    public void They_are_read_where_newer_and_older_libraries_leave_them(string folder)
    {
        var isTied = JsonNode.Parse(File.ReadAllText(files[$"{folder}/config.json"]))!["tie_word_embeddings"]!.GetValue<bool>();
        FixtureModel.CopyWeights(isTied ? "llama-tied-llama3rope" : "llama-gqa", files[folder]);
        FixtureModel.ShouldGive(files[folder], files[$"{folder}/expected.safetensors"]).Error.ShouldBe("");
    }

    [Theory]
    [InlineData("su")]
    [InlineData("proportional")]
    [InlineData("ntk")]
    public void Scalings_that_Bam_does_not_compute_are_refused_by_name(string type)
    {
        var config = files["theta-in-scaling/config.json"];
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"default\"", $"\"{type}\"", StringComparison.Ordinal));
        FixtureModel.CopyWeights("llama-gqa", files["theta-in-scaling"]);
        var run = CommandLineRun.Of("inspect", files["theta-in-scaling"]);
        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            $"bam: {config}: rope_scaling: rope_type: expected \"default\", \"linear\", \"dynamic\", \"llama3\", \"yarn\" or "
            + $"\"longrope\", found \"{type}\"; Bam does not compute this scaling; if the weights were trained without it, "
            + "remove rope_scaling and keep to the length of that training\n");
    }
}
