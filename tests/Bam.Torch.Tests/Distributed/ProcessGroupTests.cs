using Bam.Torch.Distributed;
using Shouldly;
using Xunit;

namespace Bam.Torch.Tests.Distributed;

/// <summary>
/// Operations of one, two and four processes over Gloo, and of one process for each GPU over NCCL, against values computed by
/// hand.
/// </summary>
public class ProcessGroupTests(OperationResults results) : TorchTest, IClassFixture<OperationResults>
{
    public static TheoryData<int, string> SizesAndTypes
    {
        get
        {
            var data = new TheoryData<int, string>();
            foreach (var size in OperationResults.Sizes)
                foreach (var type in new[] { "Float32", "Float64", "BFloat16", "Int64" })
                    data.Add(size, type);
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(SizesAndTypes))]
    public void Reductions(int size, string type)
    {
        // Rank r holds (r + 1) · [1, 2, 3, 4].
        var total = size * (size + 1) / 2;
        Each(size, $"all-reduce Sum {type}", _ => Ramp(total));
        Each(size, $"all-reduce Min {type}", _ => Ramp(1));
        Each(size, $"all-reduce Max {type}", _ => Ramp(size));
        results.Of(size)[size - 1][$"reduce {type}"].ShouldBe(Text(Ramp(total)));
        var length = RankProgram.Count / size;
        Each(size, $"reduce-scatter {type}", rank => Ramp(total).Skip(rank * length).Take(length));
    }

    [Theory]
    [MemberData(nameof(SizesAndTypes))]
    public void Movements(int size, string type)
    {
        var ranks = Enumerable.Range(0, size).ToArray();
        Each(size, $"broadcast {type}", _ => Ramp(size));
        Each(size, $"all-gather {type}", _ => ranks.SelectMany(other => Ramp(other + 1)));
        var length = RankProgram.Count / size;
        Each(
            size, $"all-to-all {type}",
            rank => ranks.SelectMany(other => Ramp(other + 1).Skip(rank * length).Take(length)));
        Each(
            size, $"uneven all-to-all {type}",
            _ => ranks.SelectMany(other => Enumerable.Repeat(other + 1, 2 * (other + 1))));
        if (size > 1)
            Each(size, $"send and receive {type}", rank => Ramp((rank ^ 1) + 1));
    }

    [SkippableFact]
    public void Tensors_on_GPUs()
    {
        Skip.If(Device.CudaCount == 0, "no CUDA device here");
        Skip.IfNot(GroupBackends.Has(GroupBackend.Nccl), "this build has no NCCL");
        var size = OperationResults.Sizes.Last(size => size <= Device.CudaCount);
        var ranks = Ranks.Results("operations", size, "cuda");
        for (var rank = 0; rank < size; rank++)
            ranks[rank].ShouldBe(results.Of(size)[rank], ignoreOrder: true);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    public void Tensors_on_the_processor(int size) =>
        Each(size, "on the processor", _ => [size * (size + 1) / 2]);

    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    public void A_sum_has_the_same_bits_on_every_rank_and_in_every_run(int size)
    {
        var runs = new[] { Ranks.Results("bits", size), Ranks.Results("bits", size) };
        foreach (var type in new[] { "Float32", "BFloat16", "Float64" })
            runs.SelectMany(run => run).Select(rank => rank[type]).Distinct().Count().ShouldBe(1, type);
        runs[0][0]["Float32"].ShouldNotBe(runs[0][0]["Float64"]);
    }

    [Fact]
    public void Subgroups_work_side_by_side()
    {
        var ranks = Ranks.Results("subgroups", 4);
        ranks[0]["row 0, rank 0"].ShouldBe(Text(Ramp(1 + 2)));
        ranks[1]["row 0, rank 1"].ShouldBe(Text(Ramp(1 + 2)));
        ranks[2]["row 1, rank 0"].ShouldBe(Text(Ramp(3 + 4)));
        ranks[3]["row 1, rank 1"].ShouldBe(Text(Ramp(3 + 4)));
        ranks[0]["column 0, rank 1"].ShouldBe(Text(Ramp(1 + 3)));
        ranks[1]["column 1, rank 1"].ShouldBe(Text(Ramp(2 + 4)));
        ranks[2]["column 0, rank 0"].ShouldBe(Text(Ramp(1 + 3)));
        ranks[3]["column 1, rank 0"].ShouldBe(Text(Ramp(2 + 4)));
        for (var rank = 0; rank < 4; rank++)
            ranks[rank]["alone, rank 0"].ShouldBe(Text(Ramp(rank + 1)));
    }

    [Fact]
    public void Many_sums_can_be_under_way()
    {
        var ranks = Ranks.Results("asynchronous", 2);
        for (var i = 0; i < 20; i++)
            foreach (var rank in ranks)
                rank[$"bucket {i}"].ShouldBe(Text(Ramp((2 * i) + 1)));
    }

    [Fact]
    public void A_process_alone_needs_no_network()
    {
        using var scope = TensorScope.Open();
        using var group = ProcessGroup.Open(
            new ProcessGroupOptions { Store = new StoreAddress("no.such.host.invalid", 1), Rank = 0, Size = 1 });
        var (tensor, copy) = (Vector(1, 2, 3), Vector(0, 0, 0));
        group.AllReduce(tensor);
        group.AllReduceAsync(tensor).Wait();
        group.Reduce(tensor, 0);
        group.Broadcast(tensor, 0);
        group.Barrier();
        ShouldBeClose(tensor, 1, 2, 3);
        group.AllGather(copy, tensor);
        ShouldBeClose(copy, 1, 2, 3);
        group.ReduceScatter(copy.Zero_(), tensor);
        ShouldBeClose(copy, 1, 2, 3);
        group.AllToAll(copy.Zero_(), tensor);
        ShouldBeClose(copy, 1, 2, 3);
        group.AllToAll(copy.Zero_(), tensor, [3], [3]);
        ShouldBeClose(copy, 1, 2, 3);
        using var alone = group.Subgroup([0], "alone");
        (alone.Size, alone.Rank, alone.Name).ShouldBe((1, 0, "alone"));
    }

    [Fact]
    public void Tensors_that_cannot_be_carried_are_refused()
    {
        using var scope = TensorScope.Open();
        using var group = ProcessGroup.Single();
        Should.Throw<ArgumentException>(() => group.AllReduce(Tensor.Zeros([2], ScalarType.Int32))).Message
            .ShouldContain("Int32[2]");
        Should.Throw<ArgumentException>(() => group.AllReduce(Matrix(2, 1, 2, 3, 4).Narrow(1, 0, 1))).Message
            .ShouldContain("with gaps");
        Should.Throw<ArgumentException>(() => group.AllGather(Vector(1, 2), Vector(1, 2, 3)));
        Should.Throw<ArgumentException>(() => group.AllToAll(Vector(1, 2), Vector(1, 2), [1], [2]));
        Should.Throw<ArgumentOutOfRangeException>(() => group.Broadcast(Vector(1), 1));
        Should.Throw<ArgumentOutOfRangeException>(() => group.Send(Vector(1), 0));
        Should.Throw<ArgumentException>(() => group.Subgroup([1], "others"));
    }

    private static IEnumerable<int> Ramp(int factor) => Enumerable.Range(1, RankProgram.Count).Select(i => i * factor);

    private static string Text(IEnumerable<int> values) => string.Join(' ', values);

    private void Each(int size, string line, Func<int, IEnumerable<int>> expected)
    {
        for (var rank = 0; rank < size; rank++)
            results.Of(size)[rank][line].ShouldBe(Text(expected(rank)), $"{line}, rank {rank}");
    }
}

/// <summary>The lines of the scenario of all operations, by the number of ranks.</summary>
public class OperationResults
{
    /// <summary>The numbers of ranks that are tried.</summary>
    public static readonly int[] Sizes = [1, 2, 4];

    private readonly Dictionary<int, Lazy<Dictionary<string, string>[]>> bySize = Sizes.ToDictionary(
        size => size, size => new Lazy<Dictionary<string, string>[]>(() => Ranks.Results("operations", size)));

    public IReadOnlyList<IReadOnlyDictionary<string, string>> Of(int size) => bySize[size].Value;
}
