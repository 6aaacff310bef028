namespace Bam.Checkpoints;

/// <summary>How many of a checkpoint's tensors have a dtype.</summary>
/// <param name="Dtype">The dtype.</param>
/// <param name="Tensors">How many.</param>
internal sealed record DtypeCount(TensorDtype Dtype, int Tensors)
{
    /// <summary>In words: "19 bfloat16, 2 float32".</summary>
    public static string Describe(IEnumerable<DtypeCount> counts) => string.Join(", ", counts.Select(count => $"{count.Tensors} {count.Dtype.TorchName}"));
}
