using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Bam.Fuzz.Mutations;

/// <summary>
/// A zstd file as some tool writes it: in one frame or several, empty and skippable ones among them, with or without checksums
/// and lengths, with zeros behind them.
/// </summary>
internal static class ZstdFrames
{
    // RFC 8878, section 3.1.2: the last of the magic numbers of skippable frames.
    private static readonly byte[] SkippableMagic = [0x5F, 0x2A, 0x4D, 0x18];

    /// <summary>Packs bytes.</summary>
    public static byte[] Of(byte[] bytes, Dice dice)
    {
        List<byte> file = [];
        for (var at = 0; at < bytes.Length || file.Count == 0;)
        {
            if (dice.Chance(0.2)) file.AddRange(Skippable(dice));
            var end = dice.Chance(0.6) ? bytes.Length : at + dice.Next(bytes.Length - at);
            file.AddRange(Frame(bytes[at..end], dice));
            at = end;
        }

        if (dice.Chance(0.15)) file.AddRange(new byte[1 + dice.Next(1024)]);
        return [.. file];
    }

    private static byte[] Skippable(Dice dice)
    {
        var content = dice.Bytes(dice.Next(32));
        return [.. SkippableMagic, .. BitConverter.GetBytes(content.Length), .. content];
    }

    private static byte[] Frame(byte[] bytes, Dice dice)
    {
        using var compressor = new Compressor(dice.Of([-3, 1, 3, 12]));
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, dice.Chance(0.7) ? 1 : 0);
        compressor.SetParameter(ZSTD_cParameter.ZSTD_c_contentSizeFlag, dice.Chance(0.5) ? 1 : 0);
        return compressor.Wrap(bytes).ToArray();
    }
}
