using Bam.Torch;

namespace Bam.Training.Optimization;

/// <summary>AdamW by libtorch's operators, for GPUs: fused where this libtorch has it, else one by one.</summary>
internal sealed unsafe class OperatorAdamW : AdamW
{
    private static readonly Operator Fused = Operator.Get("aten::_fused_adamw_");
    private static readonly Operator VectorNorm = Operator.Get("aten::linalg_vector_norm");

    private readonly bool isFused;
    private readonly IReadOnlyList<ParameterRange> owned;

    /// <summary>Allocates moments of zero.</summary>
    public OperatorAdamW(ParameterArena arena, IReadOnlyList<ParameterRange> ranges, int shards = 1, int shard = 0)
        : base(arena, ranges, shards, shard)
    {
        isFused = Fused.IsAvailable;
        owned = ParameterRange.Join(Owned);
    }

    public override SquaredNorm GradientSquares()
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        return new(
            SumOfSquares(owned.Where(range => !range.IsLocal)), SumOfSquares(owned.Where(range => range.IsLocal)));
    }

    public override void Update(in AdamWStep step)
    {
        using var scope = TensorScope.Open();
        using var noGrad = NoGrad.Enter();
        foreach (var range in owned)
        {
            using var inner = TensorScope.Open();
            var value = Arena.Values.Narrow(0, range.Offset, range.Count);
            var gradient = Arena.Gradients.Narrow(0, range.Offset, range.Count);
            var mean = Means.Narrow(0, range.MomentOffset, range.Count);
            var square = Squares.Narrow(0, range.MomentOffset, range.Count);
            if (isFused) UpdateFused(value, gradient, mean, square, step, range.Decays);
            else Update(value, gradient, mean, square, step, range.Decays);
        }

        Arena.ZeroGradients();
    }

    private double SumOfSquares(IEnumerable<ParameterRange> ranges)
    {
        Tensor? sum = null;
        foreach (var range in ranges)
        {
            var norm = VectorNorm.Call(
                Arena.Gradients.Narrow(0, range.Offset, range.Count), 2.0, Value.None, false, ScalarType.Float64);
            sum = sum is null ? norm.Square() : sum + norm.Square();
        }

        return sum?.Item<double>() ?? 0;
    }

    private static void Update(Tensor value, Tensor gradient, Tensor mean, Tensor square, in AdamWStep step, bool decays)
    {
        gradient.Mul_(step.GradientScale);
        mean.Lerp_(gradient, 1 - step.Beta1);
        square.Mul_(step.Beta2).AddCMul_(gradient, gradient, 1 - step.Beta2);
        var divisor = square.Sqrt().Mul_(step.RootScale).Add_(step.Epsilon);
        if (decays) value.Mul_(1.0 - step.Decay);
        value.AddCDiv_(mean, divisor, -step.StepSize);
    }

    private void UpdateFused(Tensor value, Tensor gradient, Tensor mean, Tensor square, in AdamWStep step, bool decays)
    {
        var device = Arena.Values.Device;
        var count = Tensor.Full([], step.Count, ScalarType.Float32, device);
        // The fused operator divides gradients by grad_scale.
        var divisor = Tensor.Full([], 1.0 / step.GradientScale, ScalarType.Float32, device);
        nint values = value.Handle, gradients = gradient.Handle, means = mean.Handle, squares = square.Handle;
        var counts = count.Handle;
        Fused.Invoke(
            Value.Tensors(&values, 1), Value.Tensors(&gradients, 1), Value.Tensors(&means, 1), Value.Tensors(&squares, 1),
            Value.Tensors(null, 0), Value.Tensors(&counts, 1),
            step.LearningRate, step.Beta1, step.Beta2, decays ? step.WeightDecay : 0.0, step.Epsilon, false, false, divisor,
            Value.None);
    }
}
