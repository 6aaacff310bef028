namespace Bam.Data.Text;

/// <summary>The numbers that Python's json module writes and JSON does not have: NaN, Infinity and -Infinity.</summary>
internal static class NonFiniteNumbers
{
    /// <summary>The JSON with 0 and spaces in place of each, so that nothing else moves; null when there is none outside strings.</summary>
    public static byte[]? Replaced(ReadOnlySpan<byte> json)
    {
        byte[]? replaced = null;
        for (var i = 0; i < json.Length; i++)
        {
            if (json[i] == '"')
            {
                i = EndOfString(json, i);
                continue;
            }

            var length = json[i..].StartsWith("NaN"u8) ? 3 : json[i..].StartsWith("Infinity"u8) ? 8 : 0;
            if (length == 0) continue;
            replaced ??= json.ToArray();
            replaced.AsSpan(i, length).Fill((byte)' ');
            replaced[i] = (byte)'0';
            i += length - 1;
        }

        return replaced;
    }

    private static int EndOfString(ReadOnlySpan<byte> json, int start)
    {
        var i = start + 1;
        while (i < json.Length && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
        return i;
    }
}
