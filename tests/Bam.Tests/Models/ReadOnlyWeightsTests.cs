using System.Runtime.InteropServices;
using Bam.Checkpoints;
using Bam.Checkpoints.Safetensors;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

[Collection(LibTorchCollection.Name)]
public sealed class ReadOnlyWeightsTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public static TheoryData<string, string> ModelsAndTypes => new()
    {
        { nameof(TinyModels.Dense), "bfloat16" },
        { nameof(TinyModels.Bam), "bfloat16" },
        { nameof(TinyModels.Btx), "float16" },
        { nameof(TinyModels.Biased), "float16" },
        { nameof(TinyModels.Normed), "bfloat16" },
        { nameof(TinyModels.Btx), "float32" },
        { nameof(TinyModels.Normed), "float32" },
    };

    public void Dispose() => directory.Dispose();

    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public void Logits_are_those_of_float32_weights_that_were_rounded(string kind, string type)
    {
        using var scope = TensorScope.Open();
        var dtype = TensorDtypes.FromTorchName(type)!.Value;
        var (original, rounded) = (Path.Combine(directory.Root, "original"), Path.Combine(directory.Root, "rounded"));
        using var model = TinyModels.Create(ConfigOf(kind));
        Save(model, original);
        Round(model, dtype);
        Save(model, rounded);
        using var expected = ModelCheckpoint.Load(rounded, Device.Cpu, SilentReporter.Instance, withGradients: false);
        using var found = Load(original, dtype);

        using var noGrad = NoGrad.Enter();
        foreach (var (batch, length) in new[] { (1, 9), (8, 25) })
        {
            var ids = TinyModels.Ids(batch, length);
            found.Logits(ids).ToArray<float>().ShouldBe(expected.Logits(ids).ToArray<float>(), tolerance: 1e-6);
        }

        Generated(found).ShouldBe(Generated(expected));
    }

    [Theory]
    [InlineData("bfloat16")]
    [InlineData("float16")]
    [InlineData("float32")]
    public void Matrices_that_lie_in_the_file_as_they_are_needed_are_not_copied(string type)
    {
        using var scope = TensorScope.Open();
        var dtype = TensorDtypes.FromTorchName(type)!.Value;
        using var model = TinyModels.Create(TinyModels.Btx);
        Round(model, dtype);
        ModelCheckpoint.Save(model, directory.Root);
        if (dtype != TensorDtype.Float32) SaveNarrow(model, dtype);
        using var loaded = Load(directory.Root, dtype);

        // Norms, routers and, in float32, the output projections, which are needed transposed.
        var copied = loaded.Slices.Select(slice => slice.Parameter).ToArray();
        copied.ShouldAllBe(p => p.IsNorm || p.IsRouter || (dtype == TensorDtype.Float32 && p.Kind == ParameterKind.Output));
        loaded.Parameters[ParameterLayout.GateUp(1, 3)].ScalarType.ShouldBe(loaded.WeightsType);

        using var noGrad = NoGrad.Enter();
        var ids = TinyModels.Ids(2, 7);
        loaded.Logits(ids).ToArray<float>().ShouldBe(model.Logits(ids).ToArray<float>(), tolerance: 1e-6);
    }

    [Fact]
    public void A_number_that_does_not_fit_is_refused()
    {
        using var model = TinyModels.Create(TinyModels.Dense);
        var slice = model.Slices.Single(slice => slice.Parameter.Name == "model.layers.1.mlp.up_proj.weight");
        var values = new float[slice.Count];
        values[37] = 70_144;
        ModelCheckpoint.Write(model.Parameters.Values, slice, values);
        ModelCheckpoint.Save(model, directory.Root);
        Should.Throw<InvalidInputException>(() => Load(directory.Root, TensorDtype.Float16)).Message.ShouldBe(
            $"{Path.Combine(directory.Root, "model.safetensors")}: tensor model.layers.1.mlp.up_proj.weight[1, 5]: expected a "
            + "number that fits float16 (at most 65504), found 70144; use --weights-dtype float32");
    }

    private static ModelConfig ConfigOf(string kind) =>
        (ModelConfig)typeof(TinyModels).GetProperty(kind)!.GetValue(null)!;

    private static LanguageModel Load(string path, TensorDtype dtype) => ModelCheckpoint.Load(
        path, Device.Cpu, SilentReporter.Instance, withGradients: false, weightsType: dtype switch
        {
            TensorDtype.BFloat16 => ScalarType.BFloat16,
            TensorDtype.Float16 => ScalarType.Float16,
            _ => ScalarType.Float32,
        });

    private static void Save(LanguageModel model, string path)
    {
        Directory.CreateDirectory(path);
        ModelCheckpoint.Save(model, path);
    }

    // Ten tokens after three, greedily.
    private static long[] Generated(LanguageModel model)
    {
        using var cache = model.CreateCache(13);
        var ids = new List<long>();
        var next = TinyModels.Ids(1, 3);
        for (var i = 0; i < 10; i++)
        {
            using var scope = TensorScope.Open();
            ids.Add(model.NextLogits(next, cache).ArgMax().Item<long>());
            next = Tensor.From<long>([ids[^1]], [1, 1], Device.Cpu).DetachFromScope();
        }

        return [.. ids];
    }

    private static void Round(LanguageModel model, TensorDtype dtype)
    {
        foreach (var slice in model.Slices.Where(slice => slice.Parameter.IsProjection))
        {
            var values = ModelCheckpoint.Read(model.Parameters.Values, slice);
            var bytes = Narrowed(values, dtype);
            FloatConversion.ToFloat32(dtype, bytes, values);
            ModelCheckpoint.Write(model.Parameters.Values, slice, values);
        }
    }

    private static byte[] Narrowed(float[] values, TensorDtype dtype)
    {
        var bytes = new byte[values.Length * dtype.ByteSize];
        FloatConversion.FromFloat32(values, dtype, bytes);
        return bytes;
    }

    private void SaveNarrow(LanguageModel model, TensorDtype dtype)
    {
        var slices = model.Slices.ToDictionary(slice => slice.Parameter.Name);
        SafetensorsWriter.Write(
            Path.Combine(directory.Root, "model.safetensors"),
            [
                .. ParameterLayout.FileOrder(model.Config).Select(parameter => new TensorDeclaration(
                    parameter.Name, parameter.IsProjection ? dtype : TensorDtype.Float32, parameter.Shape)),
            ],
            (tensor, stream) =>
            {
                var values = ModelCheckpoint.Read(model.Parameters.Values, slices[tensor.Name]);
                stream.Write(
                    tensor.Dtype == dtype ? Narrowed(values, dtype) : MemoryMarshal.AsBytes<float>(values).ToArray());
            });
    }
}
