using Bam.Models;
using Bam.Torch;
using Bam.Torch.Kernels;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>Sequences that are read side by side give what each gives alone, bit for bit.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class DecodingBatchTests
{
    private const float Tolerance = 1e-4f;
    private const int Length = 14;

    public static TheoryData<string> Kinds =>
    [
        "dense", "bam", "bam-shared", "bam-top2", "bam-shared-top1", "btx",
        "biased", "biased-bam", "biased-top2", "normed-shared",
    ];

    [Theory, MemberData(nameof(Kinds))]
    public void Sequences_of_any_length_do_not_depend_on_each_other(string kind)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(KeyValueCacheTests.Config(kind));
        var live = Tensor.LiveCount;
        var sequences = Enumerable.Range(0, 8).Select(i => Ids(3 + i % 4 * 3, seed: i)).ToArray();
        var alone = sequences.Select(ids => Read(model, [ids], partLength: Length)[0]).ToArray();
        foreach (var partLength in new[] { 1, 2, 5, Length })
        {
            var together = Read(model, sequences, partLength);
            for (var i = 0; i < sequences.Length; i++) together[i].ShouldBe(alone[i], $"sequence {i} in parts of {partLength}");
        }

        for (var i = 0; i < sequences.Length; i++)
        {
            var whole = model.Logits(Tensor.From<long>(
                Array.ConvertAll(sequences[i], id => (long)id), [1, sequences[i].Length], Device.Cpu));
            var expected = whole.Select(0, 0).Select(0, sequences[i].Length - 1).ToArray<float>();
            alone[i].Zip(expected, (x, y) => Math.Abs(x - y)).Max().ShouldBeLessThan(Tolerance);
        }

        Tensor.LiveCount.ShouldBeGreaterThanOrEqualTo(live);
    }

    // Other than the kernels', which have heads of 16.
    [Theory]
    [InlineData("dense-parallel")]
    [InlineData("bam-expert-kv")]
    [InlineData("bam-shared-kv")]
    public void Without_kernels_the_logits_are_those_of_the_whole_sequence(string name)
    {
        LibTorch.Load();
        using var scope = TensorScope.Open();
        using var model = ModelCheckpoint.Load(
            Fixtures.Model(name), Device.Cpu, SilentReporter.Instance, withGradients: false);
        int[][] sequences = [Ids(5, 1), Ids(9, 2), Ids(1, 3)];
        var found = Read(model, sequences, partLength: 3);
        for (var i = 0; i < sequences.Length; i++)
        {
            var whole = model.Logits(Tensor.From<long>(
                Array.ConvertAll(sequences[i], id => (long)id), [1, sequences[i].Length], Device.Cpu));
            var expected = whole.Select(0, 0).Select(0, sequences[i].Length - 1).ToArray<float>();
            found[i].Zip(expected, (x, y) => Math.Abs(x - y)).Max().ShouldBeLessThan(Tolerance);
        }
    }

    [Theory]
    [InlineData("bam")]
    [InlineData("bam-top2")]
    [InlineData("biased-top2")]
    public void Heads_that_have_no_kernel_are_read_by_operators(string kind)
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(KeyValueCacheTests.Config(kind) with { HeadDim = 8 });
        int[][] sequences = [Ids(3, 1), Ids(13, 2), Ids(9, 3)];
        var found = Read(model, sequences, partLength: 4);
        for (var i = 0; i < sequences.Length; i++)
        {
            var whole = model.Logits(Tensor.From<long>(
                Array.ConvertAll(sequences[i], id => (long)id), [1, sequences[i].Length], Device.Cpu));
            var expected = whole.Select(0, 0).Select(0, sequences[i].Length - 1).ToArray<float>();
            found[i].Zip(expected, (x, y) => Math.Abs(x - y)).Max().ShouldBeLessThan(Tolerance);
        }
    }

    [Fact]
    public void A_copied_slot_goes_on_as_the_original()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam);
        using var cache = model.CreateSlots(2, Length);
        var ids = Ids(6, 1);
        Step(model, cache, [(0, ids[..5], 0)], ids.Length);
        cache.Copy(0, 1, 5);
        var next = Step(model, cache, [(0, ids[5..], 5), (1, ids[5..], 5)], ids.Length);
        next[0].ShouldBe(next[1]);
    }

    private static int[] Ids(int length, int seed) =>
        [.. TinyModels.Ids(1, length, seed).ToArray<long>().Select(id => (int)id)];

    // The logits after each sequence, read in parts; all sequences at the same time.
    private static float[][] Read(LanguageModel model, int[][] sequences, int partLength)
    {
        using var scope = TensorScope.Open();
        using var cache = model.CreateSlots(sequences.Length, Length);
        var last = new float[sequences.Length][];
        for (var start = 0; start < sequences.Max(ids => ids.Length); start += partLength)
        {
            var parts = sequences.Select((ids, slot) => (slot, Part: ids.Skip(start).Take(partLength).ToArray(), start))
                .Where(part => part.Part.Length > 0).ToArray();
            var logits = Step(model, cache, parts, sequences.Max(ids => ids.Length));
            for (var i = 0; i < parts.Length; i++) last[parts[i].slot] = logits[i];
        }

        return last;
    }

    private static float[][] Step(LanguageModel model, SlotCache cache, (int Slot, int[] Ids, int Start)[] parts, int length)
    {
        using var scope = TensorScope.Open();
        int[] ids = [.. parts.SelectMany(part => part.Ids)];
        int[] slots = [.. parts.SelectMany(part => part.Ids.Select(_ => part.Slot))];
        int[] positions = [.. parts.SelectMany(part => part.Ids.Select((_, i) => part.Start + i))];
        var ends = parts.Select((_, i) => parts.Take(i + 1).Sum(part => part.Ids.Length) - 1).ToArray();
        var logits = model.NextLogits(new DecodingBatch(ids, new TokenPlaces(slots, positions), cache, length, ends));
        return [.. Enumerable.Range(0, parts.Length).Select(i => logits.Select(0, i).ToArray<float>())];
    }
}
