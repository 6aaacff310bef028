using System.Text.RegularExpressions;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

[Collection(LibTorchCollection.Name)]
public sealed partial class LanguageModelTests
{
    public static TheoryData<string> Kinds =>
    [
        "dense", "btx", "bam", "bam-shared", "bam-top1", "sequential",
        "biased", "biased-bam", "biased-top2", "normed", "normed-shared",
    ];

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Mixture_of_equal_experts_is_the_dense_model(bool shareKeyValue, bool sequential)
    {
        using var scope = TensorScope.Open();
        var config = TinyModels.Dense with { ParallelBlock = !sequential };
        using var dense = TinyModels.Create(config);
        using var mixture = TinyModels.Create(config with
        {
            NumAttentionExperts = 3,
            ShareKeyValue = shareKeyValue,
            NumLocalExperts = 4,
            NumExpertsPerTok = 2,
            NormTopkProb = true,
        });
        mixture.CopyFrom(
            dense, name => name.Contains("router", StringComparison.Ordinal) ? null : ExpertPrefix().Replace(name, ""));

        var ids = TinyModels.Ids(3, 20);
        var difference = (mixture.Logits(ids) - dense.Logits(ids)).Abs().Max().Item<float>();
        difference.ShouldBeLessThan(1e-5f);
    }

    [Fact]
    public void Top_k_attention_is_soft_attention_with_the_other_gates_zero()
    {
        // k = N leaves no gate out, so the sparse form must give what the soft form gives.
        using var scope = TensorScope.Open();
        using var soft = TinyModels.Create(TinyModels.Bam with { ShareKeyValue = true });
        using var sparse = TinyModels.Create(
            soft.Config with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 3 });
        var ids = TinyModels.Ids(3, 20);
        (soft.Logits(ids) - sparse.Logits(ids)).Abs().Max().Item<float>().ShouldBeLessThan(1e-5f);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Gradients_match_finite_differences(string kind)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(Config(kind));
        var (ids, targets) = (TinyModels.Ids(2, 12, 1), TinyModels.Ids(2, 12, 2));
        Autograd.Backward(model.Loss(ids, targets).Total);

        // Along the gradient itself the loss changes fastest: a step of h changes it by h·|g|, to first order.
        var gradients = model.Parameters.Gradients;
        var norm = gradients.Norm().Item<float>();
        const double step = 2e-3;
        var change = LossAfter(step) - LossAfter(-step);
        (change / (2 * step)).ShouldBe(norm, norm * 0.02);

        double LossAfter(double distance)
        {
            using var inner = TensorScope.Open();
            using var noGrad = NoGrad.Enter();
            model.Parameters.Values.Add_(gradients, distance / norm);
            var loss = model.Loss(ids, targets).Total.Item<float>();
            model.Parameters.Values.Add_(gradients, -distance / norm);
            return loss;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void The_same_step_twice_gives_the_same_bits(string kind)
    {
        float[] Gradients()
        {
            using var scope = TensorScope.Open();
            using var model = TinyModels.Create(Config(kind));
            Autograd.Backward(model.Loss(TinyModels.Ids(4, 24, 1), TinyModels.Ids(4, 24, 2)).Total);
            return model.Parameters.Gradients.ToArray<float>();
        }

        Gradients().ShouldBe(Gradients());
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void No_tensor_outlives_a_step(string kind)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(Config(kind));
        var ids = TinyModels.Ids(2, 12);
        var live = Tensor.LiveCount;
        using (TensorScope.Open()) Autograd.Backward(model.Loss(ids, ids).Total);
        using (TensorScope.Open()) model.Loss(ids, ids);  // a graph dropped without backward
        Tensor.LiveCount.ShouldBe(live);
        AutogradFunction.LiveCount.ShouldBe(0);
    }

    [Fact]
    public void Frozen_parameters_get_no_gradient_and_the_routers_the_same_as_before()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam);
        var ids = TinyModels.Ids(2, 12);
        Autograd.Backward(model.Loss(ids, ids).Total);
        const string router = "model.layers.0.self_attn.router.weight";
        var expected = model.Parameters.GradientOf(router).ToArray<float>();

        model.Parameters.ZeroGradients();
        foreach (var name in model.Parameters.Names)
            model.Parameters[name].RequiresGrad = name.Contains("router", StringComparison.Ordinal);
        Autograd.Backward(model.Loss(ids, ids).Total);
        model.Parameters.GradientOf(router).ToArray<float>().ShouldBe(expected);
        model.Parameters.GradientOf(ParameterTable.Embedding).Abs().Max().Item<float>().ShouldBe(0);
        model.Parameters.GradientOf("model.layers.1.self_attn.qkv").Abs().Max().Item<float>().ShouldBe(0);
    }

    [Fact]
    public void Input_longer_than_the_model_is_refused()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Dense);
        Should.Throw<InvalidInputException>(() => model.Logits(TinyModels.Ids(1, 33)))
            .Message.ShouldContain("max_position_embeddings");
    }

    [Fact]
    public void Bfloat16_stays_near_float32()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam);
        using var half = new LanguageModel(TinyModels.Bam, Device.Cpu, ScalarType.BFloat16);
        half.Parameters.Values.Copy_(model.Parameters.Values);
        var (ids, targets) = (TinyModels.Ids(2, 12, 1), TinyModels.Ids(2, 12, 2));
        var (loss, halfLoss) = (model.Loss(ids, targets), half.Loss(ids, targets));
        halfLoss.Total.Item<float>().ShouldBe(loss.Total.Item<float>(), 0.02);
        Autograd.Backward(halfLoss.Total);
        half.Parameters.Gradients.ScalarType.ShouldBe(ScalarType.Float32);
        half.Parameters.Gradients.IsFinite().All().Item<bool>().ShouldBeTrue();
    }

    internal static ModelConfig Config(string kind) => kind switch
    {
        "dense" => TinyModels.Dense with { TieWordEmbeddings = false },
        "btx" => TinyModels.Btx,
        "biased" => TinyModels.Biased,
        "biased-bam" => TinyModels.Biased with { NumAttentionExperts = 3, NumLocalExperts = 3 },
        "biased-top2" => TinyModels.Biased with
        {
            NumAttentionExperts = 3, AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 2,
        },
        "normed" => TinyModels.Normed,
        "normed-shared" => TinyModels.Normed with { NumAttentionExperts = 3, ShareKeyValue = true },
        "bam" => TinyModels.Bam,
        "bam-shared" => TinyModels.Bam with { ShareKeyValue = true, RopeInterleaved = true, PartialRotaryFactor = 0.5 },
        "bam-top1" => TinyModels.Bam with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 1 },
        _ => TinyModels.Bam with { ParallelBlock = false, NormType = NormType.RmsNorm, LogitScale = 0.5 },
    };

    [GeneratedRegex(@"experts\.\d+\.")]
    private static partial Regex ExpertPrefix();
}
