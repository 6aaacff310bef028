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
        ForRows(rows, row => ForwardRow(fused + 2L * row * width, activated + (long)row * width, width));

    /// <summary>With s = sigmoid(gate): d gate = dy · up · s (1 + gate (1 - s)), d up = dy · gate · s.</summary>
    public static void Backward(float* fused, float* gradActivated, float* gradFused, int rows, int width) =>
        ForRows(rows, row =>
            BackwardRow(fused + 2L * row * width, gradActivated + (long)row * width, gradFused + 2L * row * width, width));

    private static void ForRows(int rows, Action<int> body) =>
        ParallelLoop.For((rows + RowsOfItem - 1) / RowsOfItem, item =>
        {
            var end = Math.Min(rows, (item + 1) * RowsOfItem);
            for (var row = item * RowsOfItem; row < end; row++) body(row);
        });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ForwardRow(float* fused, float* activated, int width)
    {
        for (var i = 0; i < width; i += Lanes)
        {
            var gate = Vector512.Load(fused + i);
            (gate * VectorMath.Sigmoid(gate) * Vector512.Load(fused + width + i)).Store(activated + i);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void BackwardRow(float* fused, float* gradActivated, float* gradFused, int width)
    {
        for (var i = 0; i < width; i += Lanes)
        {
            var gate = Vector512.Load(fused + i);
            var dy = Vector512.Load(gradActivated + i);
            var sigmoid = VectorMath.Sigmoid(gate);
            var slope = sigmoid * (Vector512<float>.One + gate * (Vector512<float>.One - sigmoid));
            (dy * Vector512.Load(fused + width + i) * slope).Store(gradFused + i);
            (dy * gate * sigmoid).Store(gradFused + width + i);
        }
    }
}
