using Bam.Checkpoints.Safetensors;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models;

/// <summary>Forward, losses and gradients against an independent implementation in float32.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GoldenTests
{
    private const double LogitTolerance = 1e-4;            // absolute
    private const double GradientTolerance = 1e-4;         // relative to the tensor's largest entry
    private const double LossTolerance = 1e-5;

    public static TheoryData<string> Names => Fixtures.ModelNames;

    [Theory]
    [MemberData(nameof(Names))]
    public void Fixture_comes_out(string name) => Check(name, Device.Cpu);

    [SkippableTheory]
    [MemberData(nameof(Names))]
    public void Fixture_comes_out_on_a_GPU(string name) => Check(name, Gpu.Require());

    private static void Check(string name, Device device)
    {
        LibTorch.Load();
        var live = Tensor.LiveCount;
        var directory = Fixtures.Model(name);
        var expectedPath = Path.Combine(directory, "expected.safetensors");
        var outputPath = Path.Combine(Path.GetTempPath(), $"bam-golden-{Guid.NewGuid():N}.safetensors");
        try
        {
            ForwardPass.Run(directory, expectedPath, outputPath, withGradients: true, device, SilentReporter.Instance);
            using var expected = SafetensorsFile.Open(expectedPath);
            using var found = SafetensorsFile.Open(outputPath);
            found.Tensors.Keys.ShouldBe(expected.Tensors.Keys.Where(key => key != ForwardPass.InputIds), ignoreOrder: true);
            foreach (var tensor in found.Tensors.Values)
            {
                tensor.Shape.ShouldBe(expected.Tensors[tensor.Name].Shape, tensor.Name);
                var (x, y) = (Values(found, tensor), Values(expected, tensor));
                x.ShouldAllBe(value => float.IsFinite(value), tensor.Name);  // NaN is less than any tolerance
                var difference = x.Zip(y, (a, b) => Math.Abs((double)a - b)).Max();
                var allowed = tensor.Name switch
                {
                    "logits" => LogitTolerance,
                    _ when tensor.Name.StartsWith("grad.", StringComparison.Ordinal) => GradientTolerance * y.Max(Math.Abs),
                    _ => LossTolerance,
                };
                difference.ShouldBeLessThanOrEqualTo(allowed, tensor.Name);
            }
        }
        finally
        {
            File.Delete(outputPath);
        }

        Tensor.LiveCount.ShouldBe(live);
    }

    private static float[] Values(SafetensorsFile file, TensorInfo tensor)
    {
        var values = new float[tensor.Shape.Aggregate(1L, (product, size) => product * size)];
        file.ReadFloat32(tensor.Name, values);
        return values;
    }
}
