using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// Cosines and sines of rotary position embedding (RoFormer, Su et al. 2021): pair i of position t turns by t·θ^(-2i/dim),
/// unless the frequencies are changed.
/// </summary>
public sealed class RotaryTables : IDisposable
{
    private readonly float[] cos;  // [Length, RotaryDim / 2]
    private readonly float[] sin;

    /// <summary>Computes the tables in double precision, rounded to float32.</summary>
    /// <param name="length">Positions.</param>
    /// <param name="rotaryDim">The rotated width of a head, even; the rest of the head is not turned.</param>
    /// <param name="theta">The base θ.</param>
    /// <param name="interleaved">True: a pair is two neighbours. False: a pair is (i, i + dim/2).</param>
    /// <param name="device">Where <see cref="Apply(Tensor, int)"/> computes.</param>
    /// <param name="scale">Gives another frequency in place of θ^(-2i/dim), in radians for a position; null leaves them.</param>
    public RotaryTables(int length, int rotaryDim, double theta, bool interleaved, Device device, Func<double, double>? scale = null)
    {
        (Length, RotaryDim, Interleaved) = (length, rotaryDim, interleaved);
        var pairs = rotaryDim / 2;
        (cos, sin) = (new float[length * pairs], new float[length * pairs]);
        var frequencies = Enumerable.Range(0, pairs).Select(i => Math.Pow(theta, -2.0 * i / rotaryDim)).ToArray();
        if (scale is not null) frequencies = Array.ConvertAll(frequencies, frequency => scale(frequency));
        for (var t = 0; t < length; t++)
        {
            for (var i = 0; i < pairs; i++)
            {
                var (sine, cosine) = Math.SinCos(t * frequencies[i]);
                (cos[t * pairs + i], sin[t * pairs + i]) = ((float)cosine, (float)sine);
            }
        }

        Cosines = Tensor.From<float>(cos, [length, pairs], device);
        Sines = Tensor.From<float>(sin, [length, pairs], device);
    }

    /// <summary>Positions.</summary>
    public int Length { get; }

    /// <summary>The rotated width of a head.</summary>
    public int RotaryDim { get; }

    /// <summary>True: a pair is two neighbours. False: a pair is (i, i + dim/2).</summary>
    public bool Interleaved { get; }

    /// <summary>[Length, RotaryDim / 2].</summary>
    public Tensor Cosines { get; }

    /// <summary>[Length, RotaryDim / 2].</summary>
    public Tensor Sines { get; }

    /// <summary>Turns every head by its position.</summary>
    /// <param name="heads">[…, T, head_dim], positions start … start + T - 1.</param>
    /// <param name="start">The first one's position.</param>
    public Tensor Apply(Tensor heads, int start = 0)
    {
        using var scope = TensorScope.Open();
        var length = heads.Size(-2);
        return scope.Keep(Apply(heads, Cosines.Narrow(0, start, length), Sines.Narrow(0, start, length)));
    }

    /// <summary>Turns every head by angles of its own.</summary>
    /// <param name="heads">[…, head_dim].</param>
    /// <param name="cosines">[…, RotaryDim / 2], broadcast.</param>
    /// <param name="sines">[…, RotaryDim / 2], broadcast.</param>
    public Tensor Apply(Tensor heads, Tensor cosines, Tensor sines)
    {
        using var scope = TensorScope.Open();
        var pairs = RotaryDim / 2;
        (cosines, sines) = (cosines.To(heads.ScalarType), sines.To(heads.ScalarType));
        var turned = heads.Narrow(-1, 0, RotaryDim);
        var (x, y) = Interleaved
            ? (turned.Slice(-1, 0, RotaryDim, 2), turned.Slice(-1, 1, RotaryDim, 2))
            : (turned.Narrow(-1, 0, pairs), turned.Narrow(-1, pairs, pairs));
        Tensor[] pair = [x * cosines - y * sines, y * cosines + x * sines];
        turned = Interleaved ? Tensor.Stack(pair, -1).Flatten(-2, -1) : Tensor.Cat(pair, -1);
        var rest = heads.Size(-1) - RotaryDim;
        return scope.Keep(rest == 0 ? turned : Tensor.Cat([turned, heads.Narrow(-1, RotaryDim, rest)], -1));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Cosines.Dispose();
        Sines.Dispose();
    }

    /// <summary>Turns one head in place.</summary>
    /// <param name="head">At least <see cref="RotaryDim"/> values.</param>
    /// <param name="position">t.</param>
    /// <param name="direction">1 turns; -1 turns back, which is the gradient of turning.</param>
    internal unsafe void Rotate(float* head, int position, float direction)
    {
        var pairs = RotaryDim / 2;
        fixed (float* cosines = &cos[position * pairs], sines = &sin[position * pairs])
        {
            var i = Interleaved ? 0 : RotateVectors(head, cosines, sines, pairs, direction);
            var (step, partner) = Interleaved ? (2, 1) : (1, pairs);
            for (; i < pairs; i++)
            {
                var (x, y) = (head[i * step], head[i * step + partner]);
                head[i * step] = x * cosines[i] - direction * y * sines[i];
                head[i * step + partner] = y * cosines[i] + direction * x * sines[i];
            }
        }
    }

    // Turns whole vectors of pairs that are halves apart; returns how many pairs are done.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe int RotateVectors(float* head, float* cosines, float* sines, int pairs, float direction)
    {
        var i = 0;
        for (; i + Vector512<float>.Count <= pairs; i += Vector512<float>.Count)
        {
            var (x, y) = (Vector512.Load(head + i), Vector512.Load(head + pairs + i));
            var (cosine, sine) = (Vector512.Load(cosines + i), Vector512.Load(sines + i) * direction);
            (x * cosine - y * sine).Store(head + i);
            (y * cosine + x * sine).Store(head + pairs + i);
        }

        return i;
    }
}
