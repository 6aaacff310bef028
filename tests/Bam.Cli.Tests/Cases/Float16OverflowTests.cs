using Bam.Checkpoints.Safetensors;
using Bam.Cli.Tests.Commands;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>A weight beyond float16, and blocks whose scales in q8_0 are beyond or below it.</summary>
public sealed class Float16OverflowTests : IDisposable
{
    private const string LargeWeight = "model.layers.0.mlp.down_proj.weight[0, 5] = 70144 does not fit float16 (at most 65504); "
        + "--dtype bfloat16 holds it";

    private readonly CaseFiles files = new("float16-overflow");

    public void Dispose() => files.Dispose();

    [Theory]
    [InlineData("export LARGE --format llama --dtype float16 --output OUT")]
    [InlineData("export LARGE --format hf --dtype float16 --output OUT")]
    [InlineData("export LARGE --format gguf --dtype float16 --output OUT")]
    // rows of 48 are no whole blocks and fall back to float16
    [InlineData("export LARGE --format gguf --dtype q8_0 --output OUT")]
    [InlineData("mix btx --seed LARGE --expert LARGE --dtype float16 --output OUT")]
    [InlineData("mix btx --seed LARGE --expert LARGE --dtype float16 --check-finite --output OUT")]
    public void A_weight_beyond_float16_is_refused(string command)
    {
        var run = Run(command);
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldEndWith($"bam: {files["large-weight/model.safetensors"]}: tensor {LargeWeight}\n");
        Directory.Exists(files["out"]).ShouldBeFalse();
    }

    [Fact]
    public void A_mean_beyond_float16_is_refused()
    {
        var run = Run("mix soup --seed LARGE --expert LARGE --dtype float16 --output OUT");
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldEndWith($"bam: the mixture's tensor {LargeWeight}\n");
        Directory.Exists(files["out"]).ShouldBeFalse();
    }

    [Fact]
    public void The_dtype_of_the_hint_holds_it() =>
        Run("export LARGE --format gguf --dtype bfloat16 --output OUT").ShouldBeDone();

    [Fact]
    public void A_scale_beyond_float16_is_refused()
    {
        var run = Run("export BLOCKS --format gguf --dtype q8_0 --output OUT");
        run.Status.ShouldBe(ExitStatus.WrongRequest);
        run.Error.ShouldEndWith(
            "tensor model.layers.0.self_attn.v_proj.weight[2, 3] = 9000000 does not fit q8_0 (at most 8319008); --dtype "
            + "bfloat16 holds it\n");
        Directory.Exists(files["out"]).ShouldBeFalse();
    }

    [Fact]
    public void A_scale_below_float16_is_warned_of()
    {
        Mend();
        var run = Run("export BLOCKS --format gguf --dtype q8_0 --output OUT");
        run.ShouldBeDone();
        run.Error.ShouldContain(
            "warning: q8_0: 2 blocks of 32 numbers are too small for a scale in float16 and lose more than a step of 8 bits, "
            + $"or become 0; the first is at {files["blocks/model.safetensors"]}: tensor "
            + "model.layers.0.self_attn.v_proj.weight[1, 0]; --dtype bfloat16 holds them");
    }

    /// <summary>Takes the large number out of the model with small blocks.</summary>
    private void Mend()
    {
        var path = files["blocks/model.safetensors"];
        List<(string, long[], ReadOnlyMemory<float>)> tensors = [];
        using (var file = SafetensorsFile.Open(path))
        {
            foreach (var tensor in file.Tensors.Values)
            {
                var values = new float[tensor.Count];
                file.ReadFloat32(tensor.Name, values);
                tensors.Add((tensor.Name, tensor.Shape, Array.ConvertAll(values, value => Math.Clamp(value, -1, 1))));
            }
        }

        SafetensorsWriter.WriteFloat32(path, tensors);
    }

    private CommandLineRun Run(string command) =>
        CommandLineRun.Of([.. command.Split(' ').Select(word => word switch
        {
            "LARGE" => files["large-weight"],
            "BLOCKS" => files["blocks"],
            "OUT" => files["out"],
            _ => word,
        })]);
}
