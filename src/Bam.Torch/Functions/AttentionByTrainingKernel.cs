using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>
/// Attention by <see cref="CausalAttentionKernel"/>, forward and backward: all experts at once, with one number saved per row and
/// head instead of the scores.
/// </summary>
internal sealed class AttentionByTrainingKernel : AutogradFunction
{
    private readonly CausalAttentionKernel kernel;
    private readonly AttentionShape shape;
    private readonly QueryRows rows;

    private AttentionByTrainingKernel(CausalAttentionKernel kernel, AttentionInput input) =>
        (this.kernel, shape, rows) = (kernel, input.Shape, input.Rows);

    /// <summary>As <see cref="Attention.Apply"/> without past tokens, in float32 on the CPU.</summary>
    public static unsafe Tensor Apply(AttentionInput input, RotaryTables rotary)
    {
        input.Require(rotary);
        using var scope = TensorScope.Open();
        var kernel = new CausalAttentionKernel(input.Shape, input.Rows, rotary);
        input = input.Contiguous();
        Tensor output, logSumExp;
        using (NoGrad.Enter())
        {
            output = input.EmptyOutput();
            logSumExp = input.Empty(input.Rows.Count, input.Rows.Heads);
            kernel.Forward(
                input.QueryMatrix, input.KeyValueMatrix, input.GatesPointer, (float*)output.DataPointer,
                (float*)logSumExp.DataPointer);
        }

        var tensors = input.Tensors;
        new AttentionByTrainingKernel(kernel, input).Attach(tensors, [output], [.. tensors, logSumExp]);
        return scope.Keep(output);
    }

    protected override unsafe void Backward(
        ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs)
    {
        var (queries, second, logSumExp) = (saved[0], saved.Length > 2 ? saved[1] : null, saved[^1]);
        var input = new AttentionInput(shape, rows, queries, rows.AreChosen ? second : null, rows.AreChosen ? null : second);
        var gradOutput = gradOutputs[0]!.Contiguous();
        // One gate scales several heads, each of which has a gradient for it.
        var gradients = input with
        {
            Queries = input.Empty(queries.Shape),
            KeysAndValues = input.KeysAndValues is { } apart ? input.Empty(apart.Shape) : null,
            Gates = input.Gates is null ? null : input.Empty(shape.BatchSize, shape.Length, shape.Experts, shape.HeadsPerExpert),
        };
        kernel.Backward(
            input.QueryMatrix, input.KeyValueMatrix, input.GatesPointer,
            (float*)logSumExp.DataPointer, (float*)gradOutput.DataPointer,
            gradients.QueryMatrix, gradients.KeyValueMatrix, gradients.GatesPointer);
        gradInputs[0] = gradients.Queries;
        if (second is not null) gradInputs[1] = gradients.KeysAndValues ?? gradients.Gates!.Sum(3);
    }
}
