using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Models.Costs;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models.Costs;

/// <summary>The formula against what malloc has handed out while a graph is alive.</summary>
[Collection(LibTorchCollection.Name)]
public sealed partial class TrainingMemoryTests
{
    private const int BatchSize = 4, Length = 128;

    private static readonly ModelConfig Dense = TinyModels.Dense with
    {
        VocabSize = 64, HiddenSize = 64, IntermediateSize = 96, NumHiddenLayers = 3, NumAttentionHeads = 4, NumKeyValueHeads = 4,
        HeadDim = 16, MaxPositionEmbeddings = 128,
    };

    private static readonly ModelConfig Bam = Dense with { NumAttentionExperts = 4, NumLocalExperts = 4 };

    public static TheoryData<string, ModelConfig> Models => new()
    {
        { "dense", Dense },
        { "dense, sequential", Dense with { ParallelBlock = false } },
        { "dense, RMSNorm", Dense with { NormType = NormType.RmsNorm } },
        { "dense, RMSNorm of a width that vectors do not divide", Dense with { NormType = NormType.RmsNorm, HiddenSize = 72 } },
        { "dense, separate norms", Dense with { SeparateNorms = true } },
        { "dense, gate of GELU", Dense with { HiddenAct = "gelu" } },
        { "dense, no gate", Dense with { GatedMlp = false, HiddenAct = "gelu_new" } },
        { "dense, normed heads", Dense with { QueryKeyNorm = QueryKeyNorm.PerHead } },
        { "BAM, heads with RMSNorm", Bam with { NormType = NormType.RmsNorm, QueryKeyNorm = QueryKeyNorm.Shared } },
        { "BTX", Dense with { NumLocalExperts = 4 } },
        { "BTX 6 top-3", Dense with { NumLocalExperts = 6, NumExpertsPerTok = 3 } },
        { "BAM", Bam },
        { "BAM, grouped heads", Bam with { NumKeyValueHeads = 2 } },
        { "BAM shared KV", Bam with { ShareKeyValue = true } },
        { "BAM, attention top-2", Bam with { AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 2 } },
        {
            "BAM shared KV, attention top-1",
            Bam with { ShareKeyValue = true, AttentionRouting = AttentionRouting.TopK, NumAttentionExpertsPerTok = 1 }
        },
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void What_a_graph_holds_is_what_the_formula_says(string name, ModelConfig config) =>
        Ratio(config, ScalarType.Float32).ShouldBeInRange(1, 1.06, name);

    [Theory]
    [MemberData(nameof(Models))]
    public void So_it_is_in_bfloat16(string name, ModelConfig config)
    {
        // Top-k attention fills each sequence's rows up to the longest list, which a balanced router makes shorter than an
        // untrained one.
        var most = config.AttentionRouting == AttentionRouting.TopK ? 1.3 : 1.1;
        Ratio(config, ScalarType.BFloat16).ShouldBeInRange(1, most, name);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void With_activation_checkpointing_only_the_inputs_of_blocks_are_held(string name, ModelConfig config)
    {
        // Nodes, scalars and the lists of parameters are a larger part of less.
        Ratio(config, ScalarType.Float32, isCheckpointed: true).ShouldBeInRange(1, 1.12, name);
        Ratio(config, ScalarType.BFloat16, isCheckpointed: true).ShouldBeInRange(1, 1.2, name);
    }

    [Fact]
    public void A_checkpointed_block_has_all_of_its_activations_while_it_is_computed_again()
    {
        var settings = new CostSettings(Length, BatchSize, ScalarType.Float32);
        var (plain, lean) = (
            TrainingMemory.Of(Bam, settings), TrainingMemory.Of(Bam, settings with { ActivationCheckpointing = true }));
        var input = 4L * Bam.HiddenSize * BatchSize * Length;
        var block = ActivationMemory.PerToken(Bam, ScalarType.Float32, Length) * BatchSize * Length;
        (plain.Activations - lean.Activations).ShouldBe(Bam.NumHiddenLayers * (block - input));
        (lean.Working - plain.Working).ShouldBe(block - input);
        lean.Parameters.ShouldBe(plain.Parameters);
    }

    [Fact]
    public void Ranks_that_share_experts_hold_their_part_of_them()
    {
        var settings = new CostSettings(Length, BatchSize, ScalarType.Float32) { ShardOptimizer = true };
        // Only norms, routers, embedding and head are on every rank.
        var replicated = 2 * 64 * 64 + (3 + 1) * 64 + 3 * 2 * 4 * 64;
        var experts = 3 * 4 * (4 * 64 * 64 + 3 * 64 * 96);
        var memory = TrainingMemory.Of(Bam with { TieWordEmbeddings = false }, settings, new Layout(2, 4));
        memory.Parameters.ShouldBe(4 * (replicated + experts / 4));
        memory.Gradients.ShouldBe(memory.Parameters);
        memory.Moments.ShouldBe(memory.Parameters, "two moments, each on one of two ranks");

        // Of a block's 18 widths of d and more: norm 2d, gates 4, router 8, and a quarter of everything else.
        const int ofExperts = 4 * (3 * 64 + 64) + 4 * 4 + (2 * 64 + 3 * 96 + 7);
        var whole = ActivationMemory.PerToken(Bam, ScalarType.Float32, Length);
        whole.ShouldBe(4 * (2 * 64 + 4 + 8 + ofExperts));
        ActivationMemory.PerToken(Bam, ScalarType.Float32, Length, ranks: 4).ShouldBe(4 * (2 * 64 + 4 + 8) + ofExperts);
    }

    [Fact]
    public void Parameters_gradients_and_moments_take_sixteen_bytes_each()
    {
        var memory = TrainingMemory.Of(Bam, BatchSize, Length, ScalarType.BFloat16);
        (memory.Parameters + memory.Gradients + memory.Moments).ShouldBe(16 * ModelSize.Of(Bam).Total);
        memory.Total.ShouldBe(16 * ModelSize.Of(Bam).Total + memory.Activations + memory.Working);
    }

    // What malloc holds while there is a graph, of what the formula says: activations and the head's gradient.
    private static double Ratio(ModelConfig config, ScalarType dtype, bool isCheckpointed = false)
    {
        // On a GPU operators attend. The processor's kernel takes no heads of 24.
        if (dtype != ScalarType.Float32) config = config with { HeadDim = 24 };
        // Without a fused attention, which libtorch 1.13 has not, scores are kept as they are within a window.
        if (dtype != ScalarType.Float32 && !Tensor.HasScaledDotProductAttention)
            config = config with { SlidingWindow = Length - 1 };
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(config, computeType: dtype, activationCheckpointing: isCheckpointed);
        using (TensorScope.Open()) Loss();

        // Other tests' threads use malloc too: the middle of several measurements is this graph's. Its nodes themselves are a few
        // per cent here.
        var held = Enumerable.Range(0, 7).Select(_ => Held()).Order().ElementAt(3);
        var settings = new CostSettings(Length, BatchSize, dtype) { ActivationCheckpointing = isCheckpointed };
        var formula = TrainingMemory.Of(config, settings).Activations
            + 4L * config.VocabSize * config.HiddenSize - KeptByLibTorch1Alone(config, dtype, isCheckpointed);
        return (double)held / formula;

        long Held()
        {
            using var graph = TensorScope.Open();
            var before = InUse();
            Loss();
            return InUse() - before;
        }

        void Loss() => model.Loss(TinyModels.Ids(BatchSize, Length), TinyModels.Ids(BatchSize, Length));
    }

    // A float32 number less for each that RMSNorm divides by libtorch's operators: the model's last norm, and in each layer the
    // block's and those of queries and keys.
    private static long KeptByLibTorch1Alone(ModelConfig config, ScalarType dtype, bool isCheckpointed)
    {
        var isKernel = dtype == ScalarType.Float32 && config.HiddenSize % 16 == 0;
        if (IsLibTorch1 || config.NormType != NormType.RmsNorm || isKernel) return 0;
        var queriesAndKeys = config.NumAttentionExperts * (config.NumAttentionHeads + config.NumKeyValueHeads) * config.HeadDim;
        var ofLayer = config.HiddenSize + (config.QueryKeyNorm == QueryKeyNorm.None ? 0 : queriesAndKeys);
        var layers = isCheckpointed ? 0 : config.NumHiddenLayers;
        return sizeof(float) * BatchSize * Length * (long)(config.HiddenSize + layers * ofLayer);
    }

    private static bool IsLibTorch1 => LibTorch.Info.Version.StartsWith("1.", StringComparison.Ordinal);

    private static long InUse()
    {
        var info = mallinfo2();
        return (long)(info.Used + info.Mapped);
    }

    [LibraryImport("libc")]
    private static partial MallocInfo mallinfo2();

    /// <summary>glibc's struct mallinfo2.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MallocInfo
    {
        public nuint Arena, FreeBlocks, FastBlocks, MappedBlocks, Mapped, Peak, FastFree, Used, Free, Releasable;
    }
}
