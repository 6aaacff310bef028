using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Groups of rows times a matrix of their own each, without a graph: while decoding an expert has a token or two, and one pass
/// over the threads for all experts takes their place.
/// </summary>
internal static class GroupedLinear
{
    /// <summary>Whether <see cref="Apply"/> can take rows [n, in] in groups of these sizes.</summary>
    public static bool Supports(Tensor rows, long[] counts, Parameter matrix) =>
        !Autograd.IsEnabled && FewRowsKernel.Supports(rows, matrix.Value, rows.Size(0) / counts.Length);

    /// <summary>x·Wᵀ with the W of a row's group.</summary>
    /// <param name="rows">[n, in], group by group.</param>
    /// <param name="counts">The rows of each group; n in all.</param>
    /// <param name="matrices">[out, in], one for each group.</param>
    /// <returns>[n, out].</returns>
    public static unsafe Tensor Apply(Tensor rows, long[] counts, IReadOnlyList<Parameter> matrices)
    {
        using var scope = TensorScope.Open();
        rows = rows.Contiguous();
        var (outputs, depth) = ((int)matrices[0].Value.Size(0), (int)rows.Size(1));
        var groups = new List<RowGroup>();
        var first = 0;
        for (var group = 0; group < counts.Length; first += (int)counts[group++])
            if (counts[group] > 0) groups.Add(new(first, (int)counts[group], (nint)matrices[group].Value.DataPointer));
        var products = Tensor.Empty([rows.Size(0), outputs], ScalarType.Float32, rows.Device);
        FewRowsKernel.MultiplyGroups(
            (float*)rows.DataPointer, [.. groups], matrices[0].Value.ScalarType, (float*)products.DataPointer, outputs, depth);
        return scope.Keep(products);
    }
}
