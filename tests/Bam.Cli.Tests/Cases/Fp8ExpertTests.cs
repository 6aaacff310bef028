using System.Text.Json.Nodes;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Cli.Tests.Commands;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>
/// A copy in float8 with scales, with and without its key in config.json, and its float32 copy with the scales left in the file.
/// </summary>
public sealed class Fp8ExpertTests : IDisposable
{
    /// <summary>Every number of the matrices: 1 in float8 times 0.1.</summary>
    private const float Product = 0.1f;

    private readonly CaseFiles files = new("fp8-expert");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("fp8")]
    [InlineData("without-config")]
    public void Float8_is_multiplied_by_its_scales(string name)
    {
        using var model = Checkpoint.Open(files[name], SilentReporter.Instance);
        foreach (var parameter in model.Parameters.Where(parameter => parameter.Name.Contains("_proj", StringComparison.Ordinal)))
        {
            var values = new float[parameter.Count];
            model.ReadFloat32(parameter.Name, values);
            values.ShouldAllBe(value => value == Product);
        }
    }

    [Fact]
    public void Inspect_counts_what_is_quantised()
    {
        var run = CommandLineRun.Of("inspect", files["fp8"]);
        run.ShouldBeDone();
        run.Output.ShouldContain("tensors: 14 float8_e4m3fn, 7 float32");
        run.Error.ShouldBeEmpty();
    }

    [Fact]
    public void It_is_mixed_in_the_dtype_that_it_declares()
    {
        var run = CommandLineRun.Of("mix", "btx", "--seed", files["seed"], "--expert", files["fp8"], "--output", files["out"]);
        run.ShouldBeDone();
        run.Error.ShouldContain(
            $"warning: {files["fp8"]}: the tensors do not all have the dtype that is written (14 float8_e4m3fn, 7 float32); 14 "
            + "of them are converted to float32, unless --dtype says otherwise");
        using var mixture = SafetensorsFile.Open(files["out/model.safetensors"]);
        using var seed = SafetensorsFile.Open(files["seed/model.safetensors"]);
        Values(mixture, "model.layers.1.mlp.experts.1.down_proj.weight").ShouldAllBe(value => value == Product);
        Values(mixture, "model.layers.1.mlp.experts.0.down_proj.weight")
            .ShouldBe(Values(seed, "model.layers.1.mlp.down_proj.weight"));
        JsonNode.Parse(File.ReadAllText(files["out/config.json"]))!["quantization_config"].ShouldBeNull();
    }

    [Fact]
    public void Logits_come_out()
    {
        SafetensorsWriter.Write(
            files["ids.safetensors"], [new("input_ids", TensorDtype.Int64, [1, 4])], (_, stream) => stream.Write(new byte[32]));
        CommandLineRun.Of("forward", files["fp8"], "--input", files["ids.safetensors"], "--output", files["out.safetensors"])
            .ShouldBeDone();
    }

    [Fact]
    public void Scales_beside_float_weights_are_named()
    {
        var run = CommandLineRun.Of("inspect", files["scales-left"]);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldBe(
            $"bam: {files["scales-left/model.safetensors"]}: tensor model.layers.0.self_attn.q_proj.weight_scale_inv: expected "
            + "no scales beside weights in float32, found 14 tensors of a quantised copy; "
            + "whether the weights were multiplied by them cannot be told; make the float copy again, without them\n");
    }

    private static float[] Values(SafetensorsFile file, string tensor)
    {
        var values = new float[file[tensor].Count];
        file.ReadFloat32(tensor, values);
        return values;
    }
}
