namespace Bam.Torch.Functions;

/// <summary>
/// Gathers rows so that each source row is taken the same number of times; the gradient is then a gather too and needs no
/// atomic additions.
/// </summary>
internal sealed class PermuteRowsFunction : AutogradFunction
{
    private readonly long copies;

    private PermuteRowsFunction(long copies) => this.copies = copies;

    /// <summary>y[j] = x[source[j]].</summary>
    /// <param name="x">[n, d].</param>
    /// <param name="source">[n·k], int64: each of 0 … n - 1 stands there k times.</param>
    /// <param name="inverse">[n·k], int64: entries i·k … i·k + k - 1 are the places j with source[j] = i.</param>
    /// <returns>[n·k, d].</returns>
    public static Tensor Apply(Tensor x, Tensor source, Tensor inverse)
    {
        using var scope = TensorScope.Open();
        Tensor rows;
        using (NoGrad.Enter()) rows = x.IndexSelect(0, source);
        new PermuteRowsFunction(source.Count / x.Size(0)).Attach([x], [rows], [inverse]);
        return scope.Keep(rows);
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var gathered = gradOutputs[0]!.IndexSelect(0, saved[0]);
        gradInputs[0] = this.copies == 1 ? gathered : gathered.View(-1, this.copies, gathered.Size(1)).Sum(1);
    }
}
