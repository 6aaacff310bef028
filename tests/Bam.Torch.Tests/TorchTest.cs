using Shouldly;

namespace Bam.Torch.Tests;

/// <summary>Every test leaves as many live tensors and graph nodes as it found.</summary>
public abstract class TorchTest : IDisposable
{
    private readonly long tensors;
    private readonly long functions;

    protected TorchTest()
    {
        LibTorch.Load();
        tensors = Tensor.LiveCount;
        functions = AutogradFunction.LiveCount;
    }

    public void Dispose()
    {
        TensorScope.OpenCount.ShouldBe(0);
        Tensor.LiveCount.ShouldBe(tensors, TensorLeaks.Report());
        AutogradFunction.LiveCount.ShouldBe(functions);
        Autograd.IsEnabled.ShouldBeTrue();
        GC.SuppressFinalize(this);
    }

    /// <summary>A vector.</summary>
    internal static Tensor Vector(params float[] values) => Tensor.From<float>(values);

    /// <summary>A matrix of two columns' worth of rows, in row-major order.</summary>
    internal static Tensor Matrix(int columns, params float[] values) =>
        Tensor.From<float>(values, [values.Length / columns, columns]);

    /// <summary>Reproducible numbers in (-1, 1), without a random generator.</summary>
    internal static Tensor Wave(params long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)Math.Sin((i * 12.9898) + 0.5);
        return Tensor.From<float>(values, shape);
    }

    internal static void ShouldBeClose(Tensor tensor, params float[] expected)
    {
        var found = tensor.ToArray<float>();
        found.Length.ShouldBe(expected.Length);
        for (var i = 0; i < expected.Length; i++)
            found[i].ShouldBe(expected[i], 1e-5f, $"element {i}");
    }
}
