using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Bam.Torch.Kernels;

/// <summary>
/// Cosines and sines of rotary position embedding (RoFormer, Su et al. 2021): pair i of position t is rotated by t·θ^(-2i/dim),
/// unless the frequencies are changed. Few runs come near a model's longest context, so the tables grow as positions are asked
/// for.
/// </summary>
internal sealed class RotaryTables : IDisposable
{
    private const int FirstPositions = 4096;

    private readonly double[] frequencies;  // [RotaryDim / 2]
    private readonly double factor;
    private readonly Device device;
    private readonly Lock growing = new();
    private readonly List<(Tensor Cosines, Tensor Sines)> angles = [];  // shorter ones stay: another thread may be reading them
    private float[] cos = [];  // [computed, RotaryDim / 2]
    private float[] sin = [];
    private volatile int computed;  // written last

    /// <summary>Computes the tables in double precision, rounded to float32.</summary>
    /// <param name="length">The most positions.</param>
    /// <param name="frequencies">
    /// [dim / 2], in radians per position; the rest of a head is not rotated. None for layers without rotary embedding.
    /// </param>
    /// <param name="interleaved">True: a pair is two neighbours. False: a pair is (i, i + dim/2).</param>
    /// <param name="device">Where the angles lie.</param>
    /// <param name="factor">Multiplies cosines and sines (YaRN's attention factor, arXiv 2309.00071, Eq. 22).</param>
    public RotaryTables(int length, double[] frequencies, bool interleaved, Device device, double factor = 1)
    {
        (Length, RotaryDim, Interleaved) = (length, 2 * frequencies.Length, interleaved);
        (this.frequencies, this.factor, this.device) = (frequencies, factor, device);
        Grow(Math.Min(length, FirstPositions));
    }

    /// <summary>Tables of the frequencies θ^(-2i/dim).</summary>
    public RotaryTables(int length, int rotaryDim, double theta, bool interleaved, Device device)
        : this(length, Frequencies(rotaryDim, theta), interleaved, device)
    {
    }

    /// <summary>θ^(-2i/dim) for each of dim/2 pairs (RoFormer, section 3.2.2).</summary>
    public static double[] Frequencies(int rotaryDim, double theta) =>
        [.. Enumerable.Range(0, rotaryDim / 2).Select(i => Math.Pow(theta, -2.0 * i / rotaryDim))];

    /// <summary>The most positions.</summary>
    public int Length { get; }

    /// <summary>The rotated width of a head.</summary>
    public int RotaryDim { get; }

    /// <summary>True: a pair is two neighbours. False: a pair is (i, i + dim/2).</summary>
    public bool Interleaved { get; }

    /// <summary>
    /// The cosines and sines of that many positions or more, [positions, RotaryDim], each pair's at both of its places, the sine
    /// negative at the first. They belong to the tables.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">These are more than <see cref="Length"/>.</exception>
    public (Tensor Cosines, Tensor Sines) Angles(long positions)
    {
        EnsurePositions(positions);
        lock (growing) return angles[^1];
    }

    public void Dispose()
    {
        foreach (var (cosines, sines) in angles)
        {
            cosines.Dispose();
            sines.Dispose();
        }
    }

    /// <summary>Computes missing positions: before <see cref="Rotate"/>, which many threads call at once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">These are more than <see cref="Length"/>.</exception>
    internal void EnsurePositions(long positions)
    {
        if (positions <= computed) return;
        if (positions > Length)
            throw new ArgumentOutOfRangeException(nameof(positions), $"expected at most {Length}, found {positions}");
        lock (growing)
        {
            if (positions > computed) Grow((int)Math.Min(Length, Math.Max(positions, 2L * computed)));
        }
    }

    /// <summary>Rotates one head in place.</summary>
    /// <param name="head">At least <see cref="RotaryDim"/> values.</param>
    /// <param name="position">t, below what <see cref="EnsurePositions"/> was asked for.</param>
    /// <param name="direction">1 rotates; -1 rotates back, which is the gradient.</param>
    internal unsafe void Rotate(float* head, int position, float direction)
    {
        var pairs = RotaryDim / 2;
        if (pairs == 0) return;
        fixed (float* cosines = &cos[position * pairs], sines = &sin[position * pairs])
        {
            var i = Interleaved ? 0
                : Vector512.IsHardwareAccelerated ? RotateVectors<WideVector>(head, cosines, sines, pairs, direction)
                : RotateVectors<PairedVector>(head, cosines, sines, pairs, direction);
            var (step, partner) = Interleaved ? (2, 1) : (1, pairs);
            for (; i < pairs; i++)
            {
                var (x, y) = (head[i * step], head[i * step + partner]);
                head[i * step] = x * cosines[i] - direction * y * sines[i];
                head[i * step + partner] = y * cosines[i] + direction * x * sines[i];
            }
        }
    }

    private void Grow(int positions)
    {
        var pairs = RotaryDim / 2;
        if ((long)positions * pairs > Array.MaxLength)
            throw new ArgumentOutOfRangeException(
                nameof(positions), $"expected at most {Array.MaxLength / pairs} of {pairs} pairs, found {positions}");
        var (longerCos, longerSin) = (new float[positions * pairs], new float[positions * pairs]);
        cos.CopyTo(longerCos, 0);
        sin.CopyTo(longerSin, 0);
        for (var t = computed; t < positions; t++)
        {
            for (var i = 0; i < pairs; i++)
            {
                var (sine, cosine) = Math.SinCos(t * frequencies[i]);
                (longerCos[t * pairs + i], longerSin[t * pairs + i]) = ((float)(factor * cosine), (float)(factor * sine));
            }
        }

        using var scope = TensorScope.Open();
        var (cosines, sines) = (
            Tensor.From<float>(longerCos, [positions, pairs], device), Tensor.From<float>(longerSin, [positions, pairs], device));
        angles.Add((AtBothPlaces(cosines, cosines).DetachFromScope(), AtBothPlaces(-sines, sines).DetachFromScope()));
        (cos, sin) = (longerCos, longerSin);
        computed = positions;
    }

    private Tensor AtBothPlaces(Tensor first, Tensor second) =>
        Interleaved ? Tensor.Stack([first, second], -1).Flatten(-2, -1) : Tensor.Cat([first, second], -1);

    // Rotates whole vectors of pairs that are halves apart; returns the number of rotated pairs.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe int RotateVectors<TVector>(float* head, float* cosines, float* sines, int pairs, float direction)
        where TVector : struct, IWideVector<TVector>
    {
        var i = 0;
        for (; i + TVector.Count <= pairs; i += TVector.Count)
        {
            var (x, y) = (TVector.Load(head + i), TVector.Load(head + pairs + i));
            var (cosine, sine) = (TVector.Load(cosines + i), TVector.Load(sines + i) * TVector.Create(direction));
            TVector.Store(x * cosine - y * sine, head + i);
            TVector.Store(y * cosine + x * sine, head + pairs + i);
        }

        return i;
    }
}
