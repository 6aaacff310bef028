using Bam.Checkpoints;
using Bam.Models;
using Bam.Tests.Models;
using Bam.Torch;
using Bam.Upcycling;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Families;

/// <summary>A mixture of copies of one model is that model: soft gates sum to one, and so do renormalised weights.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class FamilyMixtureTests : IDisposable
{
    private const float Tolerance = 1e-5f;
    private const int Copies = 3;

    private readonly TemporaryDirectory directory = new();

    public static TheoryData<string, string> Mixtures
    {
        get
        {
            var mixtures = new TheoryData<string, string>();
            foreach (var model in Fixtures.DenseHuggingFaceModels)
            {
                foreach (var kind in new[] { "bam", "bam shared", "bam top-3", "btx", "soup" }) mixtures.Add(model, kind);
            }

            return mixtures;
        }
    }

    public void Dispose() => directory.Dispose();

    [Theory, MemberData(nameof(Mixtures))]
    public void Copies_mixed_are_the_model(string name, string kind)
    {
        LibTorch.Load();
        var source = Fixtures.HuggingFaceModel(name);
        var options = new MixtureOptions { Seed = source, Experts = [.. Enumerable.Repeat(source, Copies - 1)], RouterSeed = 3 };
        if (kind != "soup") options = options with { TopK = 2, NormTopK = true };
        // All of the attention experts: top-k weights are not renormalised, and sum to one only then.
        options = kind switch
        {
            "bam shared" => options with { ShareKeyValue = true },
            "bam top-3" => options with { AttentionTopK = Copies },
            _ => options,
        };
        Upcycler.Mix(kind.Split(' ')[0], options, directory.Root, SilentReporter.Instance);

        using var scope = TensorScope.Open();
        using var dense = ModelCheckpoint.Load(source, Device.Cpu, SilentReporter.Instance, withGradients: false);
        using var mixture = ModelCheckpoint.Load(directory.Root, Device.Cpu, SilentReporter.Instance, withGradients: false);
        mixture.Config.IsMixture.ShouldBe(kind != "soup");
        var ids = TinyModels.Ids(2, 20);
        var expected = dense.Logits(ids);
        // Rounding grows with the logits, which are larger in hf-more.
        var largest = source.Contains("hf-more", StringComparison.Ordinal) ? expected.Abs().Max().Item<float>() : 1;
        var tolerance = Tolerance * Math.Max(1, largest);
        RequireSame(mixture.Logits(ids), expected, tolerance);

        // And token by token. The frequencies of some models depend on the length so far: LongRoPE reads all tokens again, with
        // dynamic scaling the keys in the cache stay as they are.
        using var cache = mixture.CreateCache(20, 2);
        using var ofDense = dense.CreateCache(20, 2);
        mixture.NextLogits(ids.Narrow(1, 0, 12), cache);
        dense.NextLogits(ids.Narrow(1, 0, 12), ofDense);
        for (var position = 12; position < 20; position++)
        {
            var next = ids.Narrow(1, position, 1);
            var cached = dense.NextLogits(next, ofDense);
            RequireSame(mixture.NextLogits(next, cache), dense.Config.RopeScaling?.Type switch
            {
                RopeScalingType.Longrope => dense.Logits(ids.Narrow(1, 0, position + 1)).Select(1, position),
                RopeScalingType.Dynamic => cached,
                _ => expected.Select(1, position),
            }, tolerance);
        }
    }

    [Fact]
    public void Models_of_different_families_are_refused()
    {
        var options = new MixtureOptions
        {
            Seed = Fixtures.HuggingFaceModel("llama-gqa"), Experts = [Fixtures.HuggingFaceModel("qwen3-qknorm")],
        };
        Should.Throw<InvalidInputException>(() => Upcycler.Mix("bam", options, directory["mixture"], SilentReporter.Instance))
            .Message
            .ShouldContain("as in the seed");
        Directory.Exists(directory["mixture"]).ShouldBeFalse();
    }

    private static void RequireSame(Tensor found, Tensor expected, float tolerance)
    {
        using var scope = TensorScope.Open();
        found.IsFinite().All().Item<bool>().ShouldBeTrue();
        (found - expected).Abs().Max().Item<float>().ShouldBeLessThan(tolerance);
    }
}
