using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Bam;

/// <summary>
/// A deterministic random number generator. A stream is named by a seed and a string ("model.embed_tokens.weight"), so that its
/// numbers depend on neither library versions nor the order in which streams are created. The generator is SplitMix64 (Steele,
/// Lea and Flood 2014): the state starts at the first eight bytes, little-endian, of SHA-256 over "seed:name" and advances by the
/// golden ratio.
/// </summary>
internal struct RandomStream
{
    /// <summary>2⁶⁴ divided by the golden ratio.</summary>
    private const ulong Increment = 0x9E3779B97F4A7C15;

    private ulong state;

    public RandomStream(long seed, string name)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{seed}:{name}"), hash);
        state = BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    /// <summary>Skips the given number of draws.</summary>
    public void Skip(long count) => state += (ulong)count * Increment;

    public ulong NextUInt64()
    {
        state += Increment;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform on [0, 1), with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Uniform on 0 … bound - 1; the bias is below bound / 2⁶⁴.</summary>
    public long NextInt64(long bound) => (long)Math.BigMul(NextUInt64(), (ulong)bound, out _);

    /// <summary>Fills with samples of N(0, σ²) by the Box-Muller transform, two for each pair of uniform numbers.</summary>
    public void FillNormal(Span<float> values, double standardDeviation)
    {
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = standardDeviation * Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
            var (sin, cos) = Math.SinCos(2 * Math.PI * NextDouble());
            values[i] = (float)(radius * cos);
            if (i + 1 < values.Length) values[i + 1] = (float)(radius * sin);
        }
    }
}
