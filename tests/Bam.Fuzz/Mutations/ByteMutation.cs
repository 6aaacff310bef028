using System.Buffers.Binary;

namespace Bam.Fuzz.Mutations;

/// <summary>Edits of bytes, whatever they mean.</summary>
internal static class ByteMutation
{
    private static readonly long[] Numbers =
    [
        0, 1, -1, 127, 255, 256, 65535, int.MaxValue, int.MinValue, uint.MaxValue,
        1L << 32, 1L << 40, long.MaxValue, long.MinValue,
    ];

    /// <summary>A few edits.</summary>
    /// <param name="bytes">Stays as it is.</param>
    /// <param name="dice">Chooses.</param>
    /// <param name="from">The first byte that may change.</param>
    public static byte[] Of(byte[] bytes, Dice dice, int from = 0)
    {
        for (var edits = dice.Few(); edits > 0; edits--) bytes = Edited(bytes, dice, Math.Min(from, bytes.Length));
        return bytes;
    }

    /// <summary>A few edits that keep the length.</summary>
    public static byte[] InPlace(byte[] bytes, Dice dice, int from = 0)
    {
        for (var edits = dice.Few(); edits > 0; edits--)
        {
            var at = from + dice.Next(bytes.Length - from);
            bytes = Overwritten(bytes, at, dice.Bytes(1 + dice.Next(8)));
        }

        return bytes;
    }

    private static byte[] Edited(byte[] bytes, Dice dice, int from)
    {
        var at = from + dice.Next(bytes.Length - from);
        var length = Math.Min(1 + dice.Next(dice.Chance(0.7) ? 16 : 4096), bytes.Length - at);
        var end = at + length;
        switch (dice.Next(8))
        {
            case 0:
                return [.. bytes[..at], .. dice.Bytes(1 + dice.Next(16)), .. bytes[at..]];
            case 1:
                return bytes[..at];
            case 2:
                return [.. bytes[..at], .. bytes[end..]];
            case 3:
                return [.. bytes[..end], .. bytes[at..]];
            case 4:
                var other = from + dice.Next(bytes.Length - from);
                return [.. bytes[..at], .. bytes[other..Math.Min(other + length, bytes.Length)], .. bytes[end..]];
            case 5:
                var number = new byte[sizeof(long)];
                BinaryPrimitives.WriteInt64LittleEndian(number, dice.Of(Numbers));
                return Overwritten(bytes, at, number.AsSpan(0, dice.Of([1, 2, 4, 8])));
            case 6:
                return Overwritten(bytes, at, dice.Bytes(1 + dice.Next(8)));
            default:
                if (at >= bytes.Length) return [.. bytes, 0];
                var flipped = bytes.ToArray();
                flipped[at] ^= (byte)(1 << dice.Next(8));
                return flipped;
        }
    }

    private static byte[] Overwritten(byte[] bytes, int at, ReadOnlySpan<byte> with)
    {
        var copy = bytes.ToArray();
        with[..Math.Min(with.Length, copy.Length - at)].CopyTo(copy.AsSpan(at));
        return copy;
    }
}
