using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>silu(gate) ∘ up and its gradient, row by row, over all threads.</summary>
internal static unsafe class SwiGluKernel
{
    private const int Lanes = 16;
    private const int RowsOfItem = 32;

    /// <summary>Whether the kernel can take this [n, 2f].</summary>
    public static bool Supports(Tensor fused) =>
        fused.Device.IsCpu && fused.ScalarType == ScalarType.Float32 && fused.IsContiguous && fused.Size(1) % (2 * Lanes) == 0;

    /// <summary>activated = gate · sigmoid(gate) · up.</summary>
    public static void Forward(float* fused, float* activated, int rows, int width) =>
        ForRows(rows, row =>
        {
            float* from = fused + 2L * row * width, to = activated + (long)row * width;
            if (Vector512.IsHardwareAccelerated) ForwardRow<WideVector>(from, to, width);
            else ForwardRow<PairedVector>(from, to, width);
        });

    /// <summary>With s = sigmoid(gate): d gate = dy · up · s (1 + gate (1 - s)), d up = dy · gate · s.</summary>
    public static void Backward(float* fused, float* gradActivated, float* gradFused, int rows, int width) =>
        ForRows(rows, row =>
        {
            float* from = fused + 2L * row * width, dy = gradActivated + (long)row * width, to = gradFused + 2L * row * width;
            if (Vector512.IsHardwareAccelerated) BackwardRow<WideVector>(from, dy, to, width);
            else BackwardRow<PairedVector>(from, dy, to, width);
        });

    private static void ForRows(int rows, Action<int> body) =>
        ParallelLoop.For((rows + RowsOfItem - 1) / RowsOfItem, item =>
        {
            var end = Math.Min(rows, (item + 1) * RowsOfItem);
            for (var row = item * RowsOfItem; row < end; row++) body(row);
        });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardRow<TVector>(float* fused, float* activated, int width)
        where TVector : struct, IWideVector<TVector>
    {
        for (var i = 0; i < width; i += TVector.Count)
        {
            var gate = TVector.Load(fused + i);
            TVector.Store(gate * VectorMath.Sigmoid(gate) * TVector.Load(fused + width + i), activated + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardRow<TVector>(float* fused, float* gradActivated, float* gradFused, int width)
        where TVector : struct, IWideVector<TVector>
    {
        var one = TVector.Create(1);
        for (var i = 0; i < width; i += TVector.Count)
        {
            var gate = TVector.Load(fused + i);
            var dy = TVector.Load(gradActivated + i);
            var sigmoid = VectorMath.Sigmoid(gate);
            var slope = sigmoid * (one + gate * (one - sigmoid));
            TVector.Store(dy * TVector.Load(fused + width + i) * slope, gradFused + i);
            TVector.Store(dy * gate * sigmoid, gradFused + width + i);
        }
    }
}
