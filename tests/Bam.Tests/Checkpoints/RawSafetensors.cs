using System.Buffers.Binary;
using System.Text;

namespace Bam.Tests.Checkpoints;

/// <summary>Safetensors files byte by byte, so that they can be wrong.</summary>
internal static class RawSafetensors
{
    /// <summary>Writes the length field, the header and <paramref name="dataLength"/> bytes 0, 1, 2 …</summary>
    public static string Write(string path, string header, int dataLength, ulong? headerLength = null)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, headerLength ?? (ulong)json.Length);
        json.CopyTo(bytes, 8);
        for (var i = 0; i < dataLength; i++) bytes[8 + json.Length + i] = (byte)i;
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>One header entry.</summary>
    public static string Entry(string name, string dtype, string shape, int begin, int end) =>
        $$"""
        "{{name}}":{"dtype":"{{dtype}}","shape":{{shape}},"data_offsets":[{{begin}},{{end}}]}
        """;
}
