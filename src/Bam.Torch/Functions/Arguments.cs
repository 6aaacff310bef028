namespace Bam.Torch.Functions;

/// <summary>Checks, once per call, what kernels read and write through pointers. Allocates nothing if all is right.</summary>
internal static class Arguments
{
    /// <summary>A tensor's dtype, device and sizes.</summary>
    /// <exception cref="ArgumentException">It has others.</exception>
    public static void Require(Tensor tensor, string name, ScalarType type, Device device, params ReadOnlySpan<long> sizes)
    {
        if (tensor.ScalarType != type || tensor.Device != device || !tensor.Shape.SequenceEqual(sizes))
            throw new ArgumentException($"expected {type}[{string.Join(", ", sizes.ToArray())}] on {device}, found {tensor}", name);
    }
}
