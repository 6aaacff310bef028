using Bam.Checkpoints;
using Bam.Checkpoints.Opening;
using Bam.Tests.Checkpoints;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Upcycling;

public sealed class WeightedMixtureTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly string[] models;

    public WeightedMixtureTests() =>
        models = [.. Enumerable.Range(0, 3).Select(i => TinyModel.Write(directory[$"m{i}"], TinyModel.Dense, i))];

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("bam")]
    [InlineData("btx")]
    public void Weights_are_for_what_is_no_expert(string method)
    {
        var reporter = new RecordingReporter();
        Upcycler.Mix(method, Options(2, 1, 1), directory["weighted"], reporter);
        Upcycler.Mix(method, Options(), directory["uniform"], SilentReporter.Instance);
        reporter.Said.ShouldBe(["the weights sum to 4 and are divided by it: 0.5, 0.25, 0.25"]);
        File.ReadAllText(directory["weighted/upcycling.json"]).ShouldContain("\"weights\"");
        using var weighted = Checkpoint.Open(directory["weighted"], SilentReporter.Instance);
        using var uniform = Checkpoint.Open(directory["uniform"], SilentReporter.Instance);
        var dense = models.Select(model => Checkpoint.Open(model, SilentReporter.Instance)).ToArray();
        foreach (var parameter in weighted.Parameters)
        {
            var found = Read(weighted, parameter.Name);
            if (parameter.Expert >= 0 || parameter.Kind is ParameterKind.AttentionRouter or ParameterKind.FeedForwardRouter)
            {
                found.ShouldBe(Read(uniform, parameter.Name), parameter.Name);
                continue;
            }

            var sources = dense.Select(model => Read(model, parameter.Name)).ToArray();
            found.ShouldBe(
                sources[0].Select((value, i) => (0.5f * value) + (0.25f * sources[1][i]) + (0.25f * sources[2][i])),
                parameter.Name);
        }

        foreach (var model in dense) model.Dispose();
    }

    [Fact]
    public void Attention_that_starts_from_the_mean_starts_from_BTXs()
    {
        Upcycler.Mix("btx", Options(2, 1, 1), directory["btx"], SilentReporter.Instance);
        Upcycler.Mix(
            "bam", Options(2, 1, 1) with { AttentionInitialization = AttentionInitialization.Mean }, directory["bam"],
            SilentReporter.Instance);
        using var btx = Checkpoint.Open(directory["btx"], SilentReporter.Instance);
        using var bam = Checkpoint.Open(directory["bam"], SilentReporter.Instance);
        Read(bam, "model.layers.1.self_attn.experts.2.q_proj.weight")
            .ShouldBe(Read(btx, "model.layers.1.self_attn.q_proj.weight"));
    }

    [Fact]
    public void Equal_weights_are_the_uniform_mean_bit_for_bit()
    {
        Upcycler.Mix("soup", Options(0.3, 0.3, 0.3), directory["weighted"], SilentReporter.Instance);
        Upcycler.Mix("soup", Options(), directory["uniform"], SilentReporter.Instance);
        File.ReadAllBytes(directory["weighted/model.safetensors"])
            .ShouldBe(File.ReadAllBytes(directory["uniform/model.safetensors"]));
        File.ReadAllText(directory["uniform/upcycling.json"]).ShouldNotContain("weights");
    }

    [Fact]
    public void A_model_of_weight_0_has_no_part_in_the_mean()
    {
        Upcycler.Mix("soup", Options(0, 1, 0), directory["mixture"], SilentReporter.Instance);
        File.ReadAllBytes(directory["mixture/model.safetensors"]).ShouldBe(File.ReadAllBytes(directory["m1/model.safetensors"]));
    }

    public static TheoryData<double[], string> WrongWeights => new()
    {
        { [1, 1], "weights: expected 3, one of each model with the seed's first, found 2; give as many as there are models" },
        { [1, -0.5, 1], "weights: that of {1}: expected 0 or more, found -0.5; correct it" },
        { [double.NaN, 1, 1], "weights: that of {0}: expected 0 or more, found NaN; correct it" },
        { [1, 1, double.PositiveInfinity], "weights: that of {2}: expected 0 or more, found Infinity; correct it" },
        { [0, 0, 0], "weights: expected a sum above 0, found 0; give at least one model a weight" },
    };

    [Theory, MemberData(nameof(WrongWeights))]
    public void Wrong_weights_cost_one_line(double[] weights, string message) =>
        Should.Throw<InvalidInputException>(
            () => Upcycler.Mix("soup", Options(weights), directory["mixture"], SilentReporter.Instance))
            .Message.ShouldBe(string.Format(System.Globalization.CultureInfo.InvariantCulture, message, models));

    [Fact]
    public void Sparse_has_no_mean_to_weigh() =>
        Should.Throw<InvalidInputException>(
            () => Upcycler.Mix(
                "sparse", new MixtureOptions { Seed = models[0], FeedForwardExperts = 2, Weights = [1] }, directory["mixture"],
                SilentReporter.Instance))
            .Message.ShouldBe("sparse: weights does not apply, one model has no mean; leave it out");

    private MixtureOptions Options(params double[] weights) =>
        new() { Seed = models[0], Experts = models[1..], Weights = weights.Length == 0 ? null : weights };

    private static float[] Read(Checkpoint model, string name)
    {
        var values = new float[model.Tensors[name].Count];
        model.ReadFloat32(name, values);
        return values;
    }
}
