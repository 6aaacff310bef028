using Bam.Checkpoints.Safetensors;
using Bam.Cli.Tests.Commands;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Cases;

/// <summary>Models in bfloat16 whose head or norms are float32.</summary>
public sealed class TwoDtypesInOneCheckpointTests : IDisposable
{
    private readonly CaseFiles files = new("two-dtypes-in-one-checkpoint");

    public void Dispose() => files.Dispose();

    [Fact]
    public void Inspect_counts_the_dtypes()
    {
        var run = Run("inspect HEAD");
        run.ShouldBeDone();
        run.Output.ShouldContain("tensors: 20 bfloat16, 1 float32");
        run.Error.ShouldBeEmpty();
        Run("inspect NORMS").Output.ShouldContain("tensors: 16 bfloat16, 5 float32");
        Run("inspect HEAD --json").Output.ShouldContain("\"dtypes\"");
    }

    [Fact]
    public void Each_tensor_computes_with_its_own_numbers()
    {
        // In float32 every number of both dtypes stays as it is.
        Run("export HEAD --format hf --dtype float32 --output OUT").ShouldBeDone();
        foreach (var (model, output) in ((string, string)[])[("HEAD", "a"), ("OUT", "b")])
            CommandLineRun.Of(
                "forward", model == "HEAD" ? files["head-float32"] : files["out"], "--input", files["ids.safetensors"],
                "--output", files[output]).ShouldBeDone();
        Read(files["a"], "logits").ShouldBe(Read(files["b"], "logits"));
    }

    [Theory]
    [InlineData("mix btx --seed HEAD --expert NORMS --dtype bfloat16 --output OUT")]
    [InlineData("export HEAD --format llama --dtype bfloat16 --output OUT")]
    public void What_is_written_has_the_dtype_that_is_asked_for(string command)
    {
        var run = Run(command);
        run.ShouldBeDone();
        run.Error.ShouldNotContain("dtype");
        DtypesOf("out").ShouldHaveSingleItem().ShouldBe(TensorDtype.BFloat16);
    }

    [Theory]
    [InlineData("mix btx --seed HEAD --expert NORMS --output OUT", "out/model.safetensors")]
    [InlineData("export HEAD --format llama --output OUT", "out/model.safetensors")]
    [InlineData("export HEAD --format gguf --output OUT", null)]
    public void Unless_asked_it_has_the_declared_one_and_says_so(string command, string? weights)
    {
        var run = Run(command);
        run.ShouldBeDone();
        run.Error.ShouldContain(
            $"warning: {files["head-float32"]}: the tensors do not all have the dtype that is written (20 bfloat16, 1 "
            + "float32); 1 of them is converted to bfloat16, unless --dtype says otherwise");
        if (weights is not null) DtypesOf("out").ShouldHaveSingleItem().ShouldBe(TensorDtype.BFloat16);
    }

    [Fact]
    public void What_has_the_dtype_already_is_copied_bit_for_bit()
    {
        Run("export HEAD --format hf --output OUT").ShouldBeDone();
        using var source = SafetensorsFile.Open(files["head-float32/model.safetensors"]);
        using var output = SafetensorsFile.Open(files["out/model.safetensors"]);
        foreach (var tensor in source.Tensors.Values.Where(tensor => tensor.Dtype == TensorDtype.BFloat16))
            Bytes(output, tensor.Name).ShouldBe(Bytes(source, tensor.Name), tensor.Name);
    }

    private IEnumerable<TensorDtype> DtypesOf(string model)
    {
        using var file = SafetensorsFile.Open(files[$"{model}/model.safetensors"]);
        return file.Tensors.Values.Select(tensor => tensor.Dtype).Distinct().ToList();
    }

    private static byte[] Bytes(SafetensorsFile file, string tensor)
    {
        var bytes = new byte[file[tensor].ByteLength];
        file.ReadBytes(file[tensor], 0, bytes);
        return bytes;
    }

    private static float[] Read(string path, string tensor)
    {
        using var file = SafetensorsFile.Open(path);
        var values = new float[file[tensor].Count];
        file.ReadFloat32(tensor, values);
        return values;
    }

    private CommandLineRun Run(string command) =>
        CommandLineRun.Of([.. command.Split(' ').Select(word => word switch
        {
            "HEAD" => files["head-float32"],
            "NORMS" => files["norms-float32"],
            "OUT" => files["out"],
            _ => word,
        })]);
}
