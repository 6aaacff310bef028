using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Causal attention of the positions that chose an expert, with that expert's heads, to the keys and values of all positions: the body of
/// top-k attention experts (BAM, Table 6).
/// </summary>
internal sealed class RoutedAttentionFunction : AutogradFunction
{
    private readonly CausalAttentionKernel kernel;

    private RoutedAttentionFunction(CausalAttentionKernel kernel) => this.kernel = kernel;

    /// <summary>Attends; by the fused kernel where it applies, else by libtorch's operators.</summary>
    /// <param name="queries">[rows, H·D], before rotary embedding.</param>
    /// <param name="keysAndValues">[B, T, 2·K·D], all key heads and then all value heads, before rotary embedding.</param>
    /// <param name="rows">Whose queries they are, of <see cref="QueryRows.Chosen"/> from position 0.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="rotary">At least T positions.</param>
    /// <returns>[rows, H·D].</returns>
    /// <exception cref="ArgumentException">The sizes or dtypes are not those of the heads, or the rows are others'.</exception>
    public static unsafe Tensor Apply(Tensor queries, Tensor keysAndValues, QueryRows rows, AttentionShape shape, RotaryTables rotary)
    {
        if (!queries.Device.IsCpu || queries.ScalarType != ScalarType.Float32 || !CausalAttentionKernel.Supports(shape))
            return RoutedAttention.Apply(queries, keysAndValues, rows, shape, rotary);

        Arguments.Require(queries, nameof(queries), ScalarType.Float32, Device.Cpu, rows.Count, (long)rows.Heads * shape.HeadDim);
        Arguments.Require(
            keysAndValues, nameof(keysAndValues), ScalarType.Float32, Device.Cpu, shape.BatchSize, shape.Length, 2L * shape.KeyValueHeads * shape.HeadDim);
        Arguments.RequireRows(rows, shape, start: 0);
        Arguments.RequirePositions(rotary, shape, shape.Length);
        using var scope = TensorScope.Open();
        var kernel = new CausalAttentionKernel(shape, rows, rotary);
        (queries, keysAndValues) = (queries.Contiguous(), keysAndValues.Contiguous());
        Tensor output, logSumExp;
        using (NoGrad.Enter())
        {
            output = Tensor.Empty(queries.Shape, ScalarType.Float32, queries.Device);
            logSumExp = Tensor.Empty([rows.Count, rows.Heads], ScalarType.Float32, queries.Device);
            kernel.Forward(MatrixOf(queries), MatrixOf(keysAndValues), gates: null, (float*)output.DataPointer, (float*)logSumExp.DataPointer);
        }

        new RoutedAttentionFunction(kernel).Attach([queries, keysAndValues], [output], [queries, keysAndValues, logSumExp]);
        return scope.Keep(output);
    }

    /// <inheritdoc/>
    protected override unsafe void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var (queries, keysAndValues) = (saved[0], saved[1]);
        var gradOutput = gradOutputs[0]!.Contiguous();
        var gradQueries = Tensor.Empty(queries.Shape, ScalarType.Float32, queries.Device);
        var gradKeysAndValues = Tensor.Empty(keysAndValues.Shape, ScalarType.Float32, queries.Device);
        this.kernel.Backward(
            MatrixOf(queries), MatrixOf(keysAndValues), gates: null, (float*)saved[2].DataPointer, (float*)gradOutput.DataPointer,
            MatrixOf(gradQueries), MatrixOf(gradKeysAndValues), gradGates: null);
        (gradInputs[0], gradInputs[1]) = (gradQueries, gradKeysAndValues);
    }

    private static unsafe RowMatrix MatrixOf(Tensor rows) => new((float*)rows.DataPointer, rows.Size(-1));
}
