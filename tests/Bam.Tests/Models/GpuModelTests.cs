using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>What a GPU computes against the processor, for every kind of model.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GpuModelTests
{
    public static TheoryData<string> Kinds => LanguageModelTests.Kinds;

    public static TheoryData<string> DecodedKinds => KeyValueCacheTests.Kinds;

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public void Loss_and_gradients_are_the_processors(string kind)
    {
        var gpu = Gpu.Require();
        var (expected, found) = (Step(kind, Device.Cpu, ScalarType.Float32), Step(kind, gpu, ScalarType.Float32));
        found.Loss.ShouldBe(expected.Loss, 1e-5f);
        var largest = expected.Gradients.Max(Math.Abs);
        for (var i = 0; i < expected.Gradients.Length; i++)
            found.Gradients[i].ShouldBe(expected.Gradients[i], 1e-4f * largest, $"element {i}");
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public void In_bfloat16_they_point_the_same_way(string kind)
    {
        var gpu = Gpu.Require();
        var (expected, found) = (Step(kind, Device.Cpu, ScalarType.Float32), Step(kind, gpu, ScalarType.BFloat16));
        found.Loss.ShouldBe(expected.Loss, 0.02f * expected.Loss);
        Cosine(found.Gradients, expected.Gradients).ShouldBeGreaterThan(0.98);
    }

    [SkippableTheory]
    [MemberData(nameof(Kinds))]
    public void The_same_step_twice_gives_the_same_bits(string kind)
    {
        var gpu = Gpu.Require();
        foreach (var type in new[] { ScalarType.Float32, ScalarType.BFloat16 })
        {
            var (first, second) = (Step(kind, gpu, type), Step(kind, gpu, type));
            second.Loss.ShouldBe(first.Loss);
            second.Gradients.ShouldBe(first.Gradients);
        }
    }

    [SkippableTheory]
    [MemberData(nameof(DecodedKinds))]
    public void Decoding_with_a_cache_gives_the_same_logits(string kind)
    {
        var gpu = Gpu.Require();
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(KeyValueCacheTests.Config(kind), device: gpu);
        KeyValueCacheTests.Check(model);
    }

    [SkippableFact]
    public void Tokens_are_sorted_as_on_the_processor()
    {
        var gpu = Gpu.Require();
        using var scope = TensorScope.Open();
        var chosen = TinyModels.Ids(50, 2);  // two of 48 experts for each of 50 tokens
        var (expected, found) = (ExpertDispatch.Sort(chosen, 48), ExpertDispatch.Sort(chosen.To(gpu), 48));
        found.Counts.ShouldBe(expected.Counts);
        (found.Shares.To(Device.Cpu) - expected.Shares).Abs().Max().Item<float>().ShouldBeLessThan(1e-7f);
        found.Order.ToArray<long>().ShouldBe(expected.Order.ToArray<long>());
        found.Places.ToArray<long>().ShouldBe(expected.Places.ToArray<long>());
        found.Tokens.ToArray<long>().ShouldBe(expected.Tokens.ToArray<long>());
    }

    private static (float Loss, float[] Gradients) Step(string kind, Device device, ScalarType type)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(LanguageModelTests.Config(kind), computeType: type, device: device);
        var loss = model.Loss(TinyModels.Ids(2, 12, 1, device), TinyModels.Ids(2, 12, 2, device)).Total;
        Autograd.Backward(loss);
        return (loss.Item<float>(), model.Parameters.Gradients.ToArray<float>());
    }

    private static double Cosine(float[] x, float[] y) => Dot(x, y) / Math.Sqrt(Dot(x, x) * Dot(y, y));

    private static double Dot(float[] x, float[] y) => x.Zip(y, (a, b) => (double)a * b).Sum();
}
