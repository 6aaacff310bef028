using System.IO.Compression;

namespace Bam.Fuzz.Mutations;

/// <summary>
/// A gzip file as some tool writes it: in one member or several, empty ones among them, with fields in their headers, with zeros
/// behind them.
/// </summary>
internal static class GzipMembers
{
    // RFC 1952, section 2.3.1: the header's length, its byte of flags, and three of these.
    private const int HeaderLength = 10;
    private const int Flags = 3;
    private const byte Extra = 4;
    private const byte Name = 8;
    private const byte Comment = 16;

    /// <summary>Packs bytes.</summary>
    public static byte[] Of(byte[] bytes, Dice dice)
    {
        List<byte> file = [];
        for (var at = 0; at < bytes.Length || file.Count == 0;)
        {
            var end = dice.Chance(0.6) ? bytes.Length : at + dice.Next(bytes.Length - at);
            file.AddRange(Member(bytes[at..end], dice));
            at = end;
        }

        if (dice.Chance(0.15)) file.AddRange(new byte[1 + dice.Next(1024)]);
        return [.. file];
    }

    private static byte[] Member(byte[] bytes, Dice dice)
    {
        var level = dice.Of([CompressionLevel.Fastest, CompressionLevel.Optimal, CompressionLevel.NoCompression]);
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, level, leaveOpen: true)) gzip.Write(bytes);
        // Of no bytes .NET writes nothing at all; this is the empty member of RFC 1952.
        byte[] member = stream.Length > 0 ? stream.ToArray() : [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        List<byte> fields = [];
        if (dice.Chance(0.2)) Add(Extra, [4, 0, .. dice.Bytes(4)]);
        if (dice.Chance(0.3)) Add(Name, "law.txt\0"u8);
        if (dice.Chance(0.1)) Add(Comment, "x\0"u8);
        return [.. member[..HeaderLength], .. fields, .. member[HeaderLength..]];

        void Add(byte flag, ReadOnlySpan<byte> field)
        {
            member[Flags] |= flag;
            fields.AddRange(field);
        }
    }
}
