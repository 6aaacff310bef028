using Bam.Torch.Kernels;

namespace Bam.Torch.Functions;

/// <summary>Rotary position embedding in libtorch's operators; backward rotates back by the same angles.</summary>
internal sealed class RotaryFunction : AutogradFunction
{
    private readonly bool interleaved;

    private RotaryFunction(bool interleaved) => this.interleaved = interleaved;

    /// <summary>Rotates every pair by its angle; the rest of the head stays.</summary>
    /// <param name="heads">[…, head_dim].</param>
    /// <param name="cosines">[…, rotated width], broadcast: each pair's cosine at both of its places.</param>
    /// <param name="sines">[…, rotated width], broadcast: each pair's sine, negative at the first of its places.</param>
    /// <param name="interleaved">True: a pair is two neighbours. False: it is halves apart.</param>
    public static Tensor Apply(Tensor heads, Tensor cosines, Tensor sines, bool interleaved)
    {
        using var scope = TensorScope.Open();
        (cosines, sines) = (cosines.To(heads.ScalarType), sines.To(heads.ScalarType));
        var function = new RotaryFunction(interleaved);
        Tensor turned;
        using (NoGrad.Enter()) turned = function.Turn(heads, cosines, sines, 1);
        function.Attach([heads], [turned], [cosines, sines]);
        return scope.Keep(turned);
    }

    /// <summary>Rotates every head of [.., T, head_dim] by its position, from <paramref name="start"/> on.</summary>
    internal static Tensor Apply(Tensor heads, RotaryTables rotary, int start = 0)
    {
        using var scope = TensorScope.Open();
        var length = heads.Size(-2);
        var (cosines, sines) = rotary.Angles(start + length);
        return scope.Keep(Apply(heads, cosines.Narrow(0, start, length), sines.Narrow(0, start, length), rotary.Interleaved));
    }

    protected override void Backward(ReadOnlySpan<Tensor?> gradOutputs, ReadOnlySpan<Tensor> saved, Span<Tensor?> gradInputs) =>
        gradInputs[0] = Turn(gradOutputs[0]!, saved[0], saved[1], -1);

    private Tensor Turn(Tensor heads, Tensor cosines, Tensor sines, double direction)
    {
        var width = cosines.Size(-1);
        var rotated = heads.Narrow(-1, 0, width);
        var turned = rotated * cosines;
        var ((x, y), (sinesOfX, sinesOfY), (turnedX, turnedY)) = (Pairs(rotated), Pairs(sines), Pairs(turned));
        turnedX.AddCMul_(y, sinesOfX, direction);
        turnedY.AddCMul_(x, sinesOfY, direction);
        var rest = heads.Size(-1) - width;
        return rest == 0 ? turned : Tensor.Cat([turned, heads.Narrow(-1, width, rest)], -1);
    }

    private (Tensor First, Tensor Second) Pairs(Tensor tensor)
    {
        var width = tensor.Size(-1);
        return this.interleaved
            ? (tensor.Slice(-1, 0, width, 2), tensor.Slice(-1, 1, width, 2))
            : (tensor.Narrow(-1, 0, width / 2), tensor.Narrow(-1, width / 2, width / 2));
    }
}
