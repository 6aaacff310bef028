using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Tests.Checkpoints;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

public sealed class CheckFiniteTests : IDisposable
{
    private const string Damaged = "model.layers.1.mlp.up_proj.weight";

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(float.NaN, "NaN", TensorDtype.Float32)]
    [InlineData(float.NegativeInfinity, "-Infinity", TensorDtype.BFloat16)]
    [InlineData(float.PositiveInfinity, "Infinity", TensorDtype.Float16)]
    public void A_number_that_is_not_finite_is_named_before_anything_is_written(float value, string name, TensorDtype dtype)
    {
        var options = Options(value, dtype);
        Should.Throw<InvalidInputException>(
            () => Upcycler.Mix("btx", options with { CheckFinite = true }, directory["out/mixture"], SilentReporter.Instance))
            .Message.ShouldBe(
                $"{directory["expert/model.safetensors"]}: tensor {Damaged}: element [2, 1]: expected a finite number, found "
                + $"{name}; "
                + "the file is damaged or the model diverged; use an older checkpoint");
        Directory.Exists(directory["out"]).ShouldBeFalse();
        Upcycler.Mix("btx", options, directory["out/mixture"], SilentReporter.Instance);
    }

    [Fact]
    public void Finite_models_pass()
    {
        Upcycler.Mix(
            "btx", Options(float.MaxValue, TensorDtype.Float32) with { CheckFinite = true }, directory["mixture"],
            SilentReporter.Instance);
        Checkpoint.Open(directory["mixture"], SilentReporter.Instance).Dispose();
    }

    [Fact]
    public void The_first_of_many_faults_is_named_and_found_behind_the_first_piece()
    {
        var config = TinyModel.Dense with { VocabSize = 400_000 };
        TinyModel.Write(directory["model"], config, 1);
        Write(directory["model/model.safetensors"], config, TensorDtype.Float32, (name, values) =>
        {
            if (name == ParameterTable.Embedding) values[1_900_003] = values[2_300_000] = float.NaN;
            if (name == Damaged) values[0] = float.NaN;
        });
        using var model = Checkpoint.Open(directory["model"], SilentReporter.Instance);
        Should.Throw<InvalidInputException>(() => FiniteCheck.Require(model, _ => { }, CancellationToken.None))
            .Message.ShouldContain($"tensor {ParameterTable.Embedding}: element [{1_900_003 / 6}, {1_900_003 % 6}]:");
    }

    private MixtureOptions Options(float value, TensorDtype dtype)
    {
        TinyModel.Write(directory["seed"], TinyModel.Dense, 1, dtype);
        TinyModel.Write(directory["expert"], TinyModel.Dense, 2, dtype);
        Write(directory["expert/model.safetensors"], TinyModel.Dense, dtype, (name, values) =>
        {
            if (name == Damaged) values[13] = value; // of [5, 6]
        });
        return new MixtureOptions { Seed = directory["seed"], Experts = [directory["expert"]] };
    }

    private static void Write(string path, ModelConfig config, TensorDtype dtype, Action<string, float[]> damage)
    {
        var parameters = ParameterTable.Of(config);
        var next = 0;
        SafetensorsWriter.Write(
            path, [.. parameters.Select(p => new TensorDeclaration(p.Name, dtype, p.Shape))], (tensor, stream) =>
        {
            var values = TinyModel.Values(parameters[next++], 2);
            damage(tensor.Name, values);
            var bytes = new byte[tensor.ByteLength];
            FloatConversion.FromFloat32(values, dtype, bytes);
            stream.Write(bytes);
        });
    }
}
