using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

[Collection(LibTorchCollection.Name)]
public sealed class ModelCheckpointTests
{
    [Fact]
    public void Saved_and_loaded_is_the_same_bit_for_bit()
    {
        using var directory = new TemporaryDirectory();
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam with { TieWordEmbeddings = false });
        ModelCheckpoint.Save(model, directory.Root);
        using var loaded = ModelCheckpoint.Load(directory.Root, Device.Cpu, SilentReporter.Instance);
        loaded.Config.ShouldBe(model.Config with { TorchDtype = "float32" });
        loaded.Parameters.Values.ToArray<float>().ShouldBe(model.Parameters.Values.ToArray<float>());
    }

    [Fact]
    public void A_tensor_goes_in_pieces_as_in_one()
    {
        using var scope = TensorScope.Open();
        using var model = TinyModels.Create(TinyModels.Bam);
        using var copy = TinyModels.Create(TinyModels.Bam, seed: 2);
        foreach (var slice in model.Slices)
        {
            var whole = ModelCheckpoint.Read(model.Parameters.Values, slice);
            using var stream = new MemoryStream();
            ModelCheckpoint.WriteTo(stream, model.Parameters.Values, slice, pieceLength: 100);
            stream.ToArray().ShouldBe(MemoryMarshal.AsBytes<float>(whole).ToArray(), slice.Parameter.Name);
            ModelCheckpoint.ReadInto(
                (start, values) => whole.AsSpan((int)start, values.Length).CopyTo(values), copy.Parameters.Values, slice,
                pieceLength: 100);
        }

        copy.Parameters.Values.ToArray<float>().ShouldBe(model.Parameters.Values.ToArray<float>());
    }

    [Fact]
    public void Every_tensor_of_the_checkpoint_has_a_range_of_its_own_and_none_is_left_over()
    {
        using var model = TinyModels.Create(TinyModels.Bam with { ShareKeyValue = true, ParallelBlock = false });
        var ranges = model.Slices.OrderBy(slice => slice.Offset).ToArray();
        model.Slices.Select(slice => slice.Parameter.Name)
            .ShouldBe(ParameterTable.Of(model.Config).Select(p => p.Name), ignoreOrder: true);
        ranges.Aggregate(0L, (end, slice) =>
        {
            slice.Offset.ShouldBe(end, slice.Parameter.Name);
            return end + slice.Count;
        }).ShouldBe(model.Parameters.Count);
    }

    [Fact]
    public void Initial_values_depend_on_the_seed_and_the_tensors_name_alone()
    {
        using var dense = TinyModels.Create(TinyModels.Dense, seed: 7);
        using var mixture = TinyModels.Create(TinyModels.Btx, seed: 7);
        using var other = TinyModels.Create(TinyModels.Dense, seed: 8);
        const string name = "model.layers.1.self_attn.o_proj.weight";
        Values(mixture).ShouldBe(Values(dense));
        Values(other).ShouldNotBe(Values(dense));
        var values = Values(dense);
        values.Average().ShouldBe(0, 0.003);
        Math.Sqrt(values.Average(value => (double)value * value)).ShouldBe(0.02, 0.002);

        static float[] Values(LanguageModel model) =>
            ModelCheckpoint.Read(model.Parameters.Values, model.Slices.Single(slice => slice.Parameter.Name == name));
    }
}
