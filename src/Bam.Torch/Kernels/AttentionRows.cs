using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>What attention does with rows of scores and of heads, whose lengths are multiples of 16.</summary>
internal static unsafe class AttentionRows
{
    /// <summary>
    /// exp(x - max) in place over the columns from <paramref name="first"/> to <paramref name="used"/>, zeros outside.
    /// </summary>
    public static (float Sum, float LogSumExp) Softmax(float* row, int first, int used, int columns) =>
        Vector512.IsHardwareAccelerated
            ? Softmax<WideVector>(row, first, used, columns)
            : Softmax<PairedVector>(row, first, used, columns);

    /// <summary>P = exp(S - logSumExp); dS = gate · P ∘ (dP - D) with D = Σ P ∘ dP, which is also the gate's gradient.</summary>
    public static float SoftmaxBackward(
        float* weights, float* gradScores, int first, int used, int columns, float logSumExp, float gate) =>
        Vector512.IsHardwareAccelerated
            ? SoftmaxBackward<WideVector>(weights, gradScores, first, used, columns, logSumExp, gate)
            : SoftmaxBackward<PairedVector>(weights, gradScores, first, used, columns, logSumExp, gate);

    /// <summary>to = factor · from; both may be the same.</summary>
    public static void Scale(float* from, float factor, float* to, int columns)
    {
        if (Vector512.IsHardwareAccelerated) Scale<WideVector>(from, factor, to, columns);
        else Scale<PairedVector>(from, factor, to, columns);
    }

    /// <summary>to = from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Copy(float* from, float* to, int columns)
    {
        for (var i = 0; i < columns; i += Vector256<float>.Count) Vector256.Load(from + i).Store(to + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static (float Sum, float LogSumExp) Softmax<TVector>(float* row, int first, int used, int columns)
        where TVector : struct, IWideVector<TVector>
    {
        MaskOutside(row, first, used, columns);
        var max = VectorMath.Max<TVector>(row, columns);
        var sums = TVector.Create(0);
        for (var i = 0; i < columns; i += TVector.Count)
        {
            var e = VectorMath.Exp(TVector.Load(row + i) - TVector.Create(max));
            TVector.Store(e, row + i);
            sums += e;
        }

        var sum = TVector.Sum(sums);
        return (sum, max + MathF.Log(sum));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float SoftmaxBackward<TVector>(
        float* weights, float* gradScores, int first, int used, int columns, float logSumExp, float gate)
        where TVector : struct, IWideVector<TVector>
    {
        MaskOutside(weights, first, used, columns);
        var products = TVector.Create(0);
        for (var i = 0; i < columns; i += TVector.Count)
        {
            var p = VectorMath.Exp(TVector.Load(weights + i) - TVector.Create(logSumExp));
            TVector.Store(p, weights + i);
            products += p * TVector.Load(gradScores + i);
        }

        var gradGate = TVector.Sum(products);
        var mean = TVector.Create(gradGate);
        var gates = TVector.Create(gate);
        for (var i = 0; i < columns; i += TVector.Count)
            TVector.Store(gates * TVector.Load(weights + i) * (TVector.Load(gradScores + i) - mean), gradScores + i);
        return gradGate;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Scale<TVector>(float* from, float factor, float* to, int columns)
        where TVector : struct, IWideVector<TVector>
    {
        var factors = TVector.Create(factor);
        for (var i = 0; i < columns; i += TVector.Count) TVector.Store(TVector.Load(from + i) * factors, to + i);
    }

    private static void MaskOutside(float* row, int first, int used, int columns)
    {
        new Span<float>(row, first).Fill(float.NegativeInfinity);
        new Span<float>(row + used, columns - used).Fill(float.NegativeInfinity);
    }
}
