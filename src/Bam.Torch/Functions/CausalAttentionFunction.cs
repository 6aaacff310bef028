using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Causal attention with rotary embedding over one fused projection, each expert's heads scaled by its gate: the body of BAM's
/// soft mixture of attention (Eq. 3) for all experts at once.
/// </summary>
internal sealed class CausalAttentionFunction : AutogradFunction
{
    private readonly CausalAttentionKernel kernel;
    private readonly AttentionShape shape;
    private readonly bool isGated;

    private CausalAttentionFunction(CausalAttentionKernel kernel, AttentionShape shape, bool isGated) =>
        (this.kernel, this.shape, this.isGated) = (kernel, shape, isGated);

    /// <summary>Attends; by the fused kernel where it applies, else by libtorch's operators.</summary>
    /// <param name="qkv">[B, T, Width] as <see cref="AttentionShape"/> lays it out, before rotary embedding.</param>
    /// <param name="gates">[B, T, N] in float32, or null for one expert.</param>
    /// <param name="shape">The heads.</param>
    /// <param name="rotary">At least T positions.</param>
    /// <returns>[B, T, N·H·head_dim].</returns>
    /// <exception cref="ArgumentException">The sizes or dtypes are not those of the heads.</exception>
    public static unsafe Tensor Apply(Tensor qkv, Tensor? gates, AttentionShape shape, RotaryTables rotary)
    {
        if (!qkv.Device.IsCpu || qkv.ScalarType != ScalarType.Float32 || !CausalAttentionKernel.Supports(shape))
            return CausalAttention.Apply(qkv, gates, shape, rotary);

        Arguments.Require(qkv, nameof(qkv), ScalarType.Float32, Device.Cpu, shape.BatchSize, shape.Length, shape.Width);
        if (gates is not null) Arguments.Require(gates, nameof(gates), ScalarType.Float32, Device.Cpu, shape.BatchSize, shape.Length, shape.Experts);
        Arguments.RequirePositions(rotary, shape, shape.Length);
        using var scope = TensorScope.Open();
        var kernel = new CausalAttentionKernel(shape, QueryRows.All(shape), rotary);
        qkv = qkv.Contiguous();
        gates = gates?.Contiguous();
        Tensor output, logSumExp;
        using (NoGrad.Enter())
        {
            output = Tensor.Empty([shape.BatchSize, shape.Length, (long)shape.QueryHeads * shape.HeadDim], ScalarType.Float32, qkv.Device);
            logSumExp = Tensor.Empty([shape.BatchSize, shape.Length, shape.QueryHeads], ScalarType.Float32, qkv.Device);
            kernel.Forward(
                Queries(qkv, shape), KeysAndValues(qkv, shape), gates is null ? null : (float*)gates.DataPointer,
                (float*)output.DataPointer, (float*)logSumExp.DataPointer);
        }

        var function = new CausalAttentionFunction(kernel, shape, gates is not null);
        if (gates is null) function.Attach([qkv], [output], [qkv, logSumExp]);
        else function.Attach([qkv, gates], [output], [qkv, logSumExp, gates]);
        return scope.Keep(output);
    }

    /// <inheritdoc/>
    protected override unsafe void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var (qkv, logSumExp) = (saved[0], saved[1]);
        var gradOutput = gradOutputs[0]!.Contiguous();
        var gradQkv = Tensor.Empty(qkv.Shape, ScalarType.Float32, qkv.Device);
        var gradGatesOfHeads = this.isGated
            ? Tensor.Empty([this.shape.BatchSize, this.shape.Length, this.shape.Experts, this.shape.HeadsPerExpert], ScalarType.Float32, qkv.Device)
            : null;
        this.kernel.Backward(
            Queries(qkv, this.shape), KeysAndValues(qkv, this.shape), this.isGated ? (float*)saved[2].DataPointer : null,
            (float*)logSumExp.DataPointer, (float*)gradOutput.DataPointer, Queries(gradQkv, this.shape), KeysAndValues(gradQkv, this.shape),
            this.isGated ? (float*)gradGatesOfHeads!.DataPointer : null);
        gradInputs[0] = gradQkv;
        if (this.isGated) gradInputs[1] = gradGatesOfHeads!.Sum(3);
    }

    private static unsafe RowMatrix Queries(Tensor qkv, AttentionShape shape) => new((float*)qkv.DataPointer, shape.Width);

    private static unsafe RowMatrix KeysAndValues(Tensor qkv, AttentionShape shape) =>
        new((float*)qkv.DataPointer + (long)shape.QueryHeads * shape.HeadDim, shape.Width);
}
