using Bam.Checkpoints.Safetensors;
using Bam.Models;
using Bam.Torch;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints.Adapters;

/// <summary>Adapters in PEFT's form on their bases: the logits of an independent implementation.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class GoldenAdapterTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("lora-q-v")]
    [InlineData("rslora-all-linear-patterns")]
    [InlineData("lora-fused-and-head")]
    public void The_logits_of_base_and_adapter_come_out(string name)
    {
        LibTorch.Load();
        var adapter = Fixtures.Adapter(name);
        var model = $"{Fixtures.HuggingFaceModel(File.ReadAllText(Path.Combine(adapter, "base.txt")).Trim())}+{adapter}";
        var expectedPath = Path.Combine(adapter, "expected.safetensors");
        ForwardPass.Run(
            model, expectedPath, directory["out.safetensors"], withGradients: false, Device.Cpu, SilentReporter.Instance);

        var (found, expected) = (Logits(directory["out.safetensors"]), Logits(expectedPath));
        found.Length.ShouldBe(expected.Length);
        found.ShouldAllBe(value => float.IsFinite(value));
        found.Zip(expected, (a, b) => Math.Abs((double)a - b)).Max().ShouldBeLessThanOrEqualTo(1e-4);
    }

    private static float[] Logits(string path)
    {
        using var file = SafetensorsFile.Open(path);
        var values = new float[file["logits"].Count];
        file.ReadFloat32("logits", values);
        return values;
    }
}
