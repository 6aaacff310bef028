using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Exporting;
using Bam.Tests.Checkpoints;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

/// <summary>Numbers that the dtype of the output cannot hold.</summary>
public sealed class NarrowedMixtureTests : IDisposable
{
    private const string Tensor = "model.layers.1.mlp.down_proj.weight";

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(TensorDtype.Float32, TensorDtype.Float16, 65519.996, null)] // rounds to 65504
    [InlineData(
        TensorDtype.Float32, TensorDtype.Float16, 65520, "65520 does not fit float16 (at most 65504); --dtype bfloat16 holds it")]
    [InlineData(
        TensorDtype.Float32, TensorDtype.Float16, -65520,
        "-65520 does not fit float16 (at most 65504); --dtype bfloat16 holds it")]
    [InlineData(
        TensorDtype.Float32, TensorDtype.Float16, 3.4e38,
        "3.4E+38 does not fit float16 (at most 65504); --dtype float32 holds it")]
    [InlineData(TensorDtype.Float32, TensorDtype.BFloat16, 3.39e38, null)]
    [InlineData(
        TensorDtype.Float32, TensorDtype.BFloat16, 3.4e38,
        "3.4E+38 does not fit bfloat16 (at most 3.3895314E+38); --dtype float32 holds it")]
    [InlineData(TensorDtype.Float64, TensorDtype.Float32, 3.4e38, null)]
    [InlineData(
        TensorDtype.Float64, TensorDtype.Float32, 1e39,
        "1E+39 does not fit float32 (at most 3.4028235E+38), in which Bam computes; correct the number, or only copy the "
        + "tensor by --dtype float64")]
    [InlineData(TensorDtype.Float64, TensorDtype.Float64, 1e39, null)]
    [InlineData(
        TensorDtype.Float64, TensorDtype.Float16, 70000, "70000 does not fit float16 (at most 65504); --dtype bfloat16 holds it")]
    [InlineData(TensorDtype.Float32, TensorDtype.Float16, double.PositiveInfinity, null)] // copied, unless --check-finite
    [InlineData(TensorDtype.Float32, TensorDtype.Float16, double.NaN, null)]
    [InlineData(TensorDtype.Float32, TensorDtype.Float16, 1e-30, null)] // rounding
    public void A_copy_that_does_not_fit_is_refused(TensorDtype stored, TensorDtype written, double value, string? message)
    {
        Write("model", stored, value);
        Action export = () =>
            Exporter.Export(
                directory["model"], ExportFormats.Named("hf"), new() { Dtype = written }, directory["out"],
                SilentReporter.Instance);
        if (message is null) export.ShouldNotThrow();
        else Should.Throw<InvalidInputException>(export)
            .Message.ShouldBe($"{directory["model/model.safetensors"]}: tensor {Tensor}[2, 3] = {message}");
        Directory.Exists(directory["out"]).ShouldBe(message is null);
    }

    [Theory]
    [InlineData("soup", null)]
    [InlineData("soup", new[] { 1.0, 3.0 })]
    public void A_mean_that_does_not_fit_is_refused(string method, double[]? weights)
    {
        Write("a", TensorDtype.Float32, 100_000);
        Write("b", TensorDtype.Float32, 100_000);
        var options = new MixtureOptions
        {
            Seed = directory["a"], Experts = [directory["b"]], Dtype = TensorDtype.Float16, Weights = weights,
        };
        Should.Throw<InvalidInputException>(() => Upcycler.Mix(method, options, directory["out"], SilentReporter.Instance))
            .Message
            .ShouldBe(
                $"the mixture's tensor {Tensor}[2, 3] = 100000 does not fit float16 (at most 65504); --dtype bfloat16 holds it");
        Directory.Exists(directory["out"]).ShouldBeFalse();
    }

    [Theory]
    [InlineData(null)]
    [InlineData(new[] { 0.5, 0.25, 0.25 })]
    public void A_mean_near_the_largest_number_does_not_overflow(double[]? weights)
    {
        foreach (var name in (string[])["a", "b", "c"]) Write(name, TensorDtype.Float32, 3e38);
        var options = new MixtureOptions
        {
            Seed = directory["a"], Experts = [directory["b"], directory["c"]], Weights = weights, CheckFinite = true,
        };
        Upcycler.Mix("soup", options, directory["out"], SilentReporter.Instance);
        using var soup = Checkpoint.Open(directory["out"], SilentReporter.Instance);
        var value = new float[1];
        soup.ReadFloat32(Tensor, 13, value);
        value[0].ShouldBe(3e38f, 1e32f);
    }

    [Fact]
    public void A_float64_beyond_float32_is_named_where_it_is_read()
    {
        Write("model", TensorDtype.Float64, -1e300);
        using var model = Checkpoint.Open(directory["model"], SilentReporter.Instance);
        Should.Throw<InvalidInputException>(() => model.ReadFloat32(Tensor, new float[30]))
            .Message.ShouldContain($"tensor {Tensor}[2, 3] = -1E+300 does not fit float32");
    }

    /// <summary>A model of zeros with one number in its last matrix, at [2, 3] of [6, 5].</summary>
    private void Write(string name, TensorDtype dtype, double value)
    {
        Directory.CreateDirectory(directory[name]);
        TinyModel.Dense.Save(directory[name]);
        SafetensorsWriter.Write(
            directory[$"{name}/model.safetensors"],
            [.. ParameterTable.Of(TinyModel.Dense).Select(p => new TensorDeclaration(p.Name, dtype, p.Shape))],
            (tensor, stream) =>
            {
                var values = new double[tensor.Count];
                if (tensor.Name == Tensor) values[13] = value;
                stream.Write(
                    dtype == TensorDtype.Float64
                        ? MemoryMarshal.AsBytes<double>(values)
                        : MemoryMarshal.AsBytes<float>(Array.ConvertAll(values, number => (float)number)));
            });
    }
}
