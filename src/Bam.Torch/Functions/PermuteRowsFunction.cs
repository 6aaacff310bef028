namespace Bam.Torch.Functions;

/// <summary>
/// Gathers rows so that each source row is taken the same number of times, or less often; the gradient is then a gather too and
/// needs no atomic additions.
/// </summary>
internal sealed class PermuteRowsFunction : AutogradFunction
{
    private readonly long copies;
    private readonly bool hasUntaken;

    private PermuteRowsFunction(long copies, bool hasUntaken) => (this.copies, this.hasUntaken) = (copies, hasUntaken);

    /// <summary>y[j] = x[source[j]], and 0 where source[j] = n.</summary>
    /// <param name="x">[n, d].</param>
    /// <param name="source">[m], int64: each of 0 … n - 1 stands there at most k times.</param>
    /// <param name="inverse">
    /// [n·k], int64: entries i·k … i·k + k - 1 are the places j with source[j] = i, and m for places that there are not.
    /// </param>
    /// <returns>[m, d].</returns>
    public static Tensor Apply(Tensor x, Tensor source, Tensor inverse)
    {
        using var scope = TensorScope.Open();
        var copies = x.Size(0) == 0 ? 1 : inverse.Count / x.Size(0);
        Tensor rows;
        // More places than rows to take: some are empty. Fewer: some rows are not taken.
        using (NoGrad.Enter()) rows = Rows(x, source, hasEmpty: source.Count > inverse.Count);
        new PermuteRowsFunction(copies, hasUntaken: source.Count < inverse.Count).Attach([x], [rows], [inverse]);
        return scope.Keep(rows);
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var gathered = Rows(gradOutputs[0]!, saved[0], hasEmpty: this.hasUntaken);
        gradInputs[0] = this.copies == 1 ? gathered : gathered.View(-1, this.copies, gathered.Size(1)).Sum(1);
    }

    // A row of zeros stands behind the others for the index that is none's.
    private static Tensor Rows(Tensor x, Tensor indices, bool hasEmpty) =>
        (hasEmpty ? Tensor.Cat([x, Tensor.Zeros([1, x.Size(1)], x.ScalarType, x.Device)]) : x).IndexSelect(0, indices);
}
