using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Bam.Torch.Kernels;

/// <summary>Elementary functions on vectors of 16 floats.</summary>
internal static class VectorMath
{
    /// <summary>
    /// eˣ to 2 units in the last place on [-87, 88]; below, 0; above, the value at 88. The BCL's <c>Vector512.Exp</c> computes in
    /// double and takes twice as long (decision 0010). x = n·ln 2 + r with |r| ≤ ½ ln 2, and a polynomial of degree 6 in r.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp<TVector>(TVector x)
        where TVector : struct, IWideVector<TVector>
    {
        var lowest = TVector.Create(-87f);
        var inRange = TVector.Min(TVector.Max(x, lowest), TVector.Create(88f));
        var n = TVector.Round(inRange * TVector.Create(1.44269504f));
        var r = TVector.MultiplyAdd(n, TVector.Create(-0.693359375f), inRange);
        r = TVector.MultiplyAdd(n, TVector.Create(2.12194440e-4f), r);
        var p = TVector.MultiplyAdd(TVector.Create(1f / 720), r, TVector.Create(1f / 120));
        p = TVector.MultiplyAdd(p, r, TVector.Create(1f / 24));
        p = TVector.MultiplyAdd(p, r, TVector.Create(1f / 6));
        p = TVector.MultiplyAdd(p, r, TVector.Create(0.5f));
        p = TVector.MultiplyAdd(p, r, TVector.Create(1));
        p = TVector.MultiplyAdd(p, r, TVector.Create(1));
        return TVector.ClearBelow(lowest, x, p * TVector.PowerOfTwo(n));
    }

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Sigmoid<TVector>(TVector x)
        where TVector : struct, IWideVector<TVector>
    {
        var one = TVector.Create(1);
        return one / (one + Exp(TVector.Create(-0f) - x));
    }

    /// <summary>The greatest of a row's floats, whose number is a multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe float Max<TVector>(float* row, int count)
        where TVector : struct, IWideVector<TVector>
    {
        var maxima = TVector.Create(float.NegativeInfinity);
        for (var i = 0; i < count; i += TVector.Count) maxima = TVector.Max(maxima, TVector.Load(row + i));
        var lanes = stackalloc float[TVector.Count];
        TVector.Store(maxima, lanes);
        var max = float.NegativeInfinity;
        for (var lane = 0; lane < TVector.Count; lane++) max = Math.Max(max, lanes[lane]);
        return max;
    }

    /// <summary>The sums of four vectors' elements, each in the order of <see cref="Sum"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d) =>
        Sums(
            a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper(), c.GetLower() + c.GetUpper(), d.GetLower() + d.GetUpper());

    /// <inheritdoc cref="Sums(Vector512{float}, Vector512{float}, Vector512{float}, Vector512{float})"/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Sums(Vector256<float> a, Vector256<float> b, Vector256<float> c, Vector256<float> d)
    {
        var (a4, b4) = (a.GetLower() + a.GetUpper(), b.GetLower() + b.GetUpper());
        var (c4, d4) = (c.GetLower() + c.GetUpper(), d.GetLower() + d.GetUpper());
        var ab = Sse.UnpackLow(a4, b4) + Sse.UnpackHigh(a4, b4);  // a0 + a2, b0 + b2, a1 + a3, b1 + b3
        var cd = Sse.UnpackLow(c4, d4) + Sse.UnpackHigh(c4, d4);
        return Sse.MoveLowToHigh(ab, cd) + Sse.MoveHighToLow(cd, ab);
    }

    /// <summary>The sum of all elements: of halves, until two are left.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> x)
    {
        var half = x.GetLower() + x.GetUpper();
        var quarter = half.GetLower() + half.GetUpper();
        var pair = quarter.GetLower() + quarter.GetUpper();
        return pair[0] + pair[1];
    }
}
