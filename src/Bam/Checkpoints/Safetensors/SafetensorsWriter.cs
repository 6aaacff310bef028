using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// Writes safetensors files: the header from the declared tensors, then each tensor's bytes as they come. A file appears under
/// its final name only when whole.
/// </summary>
internal static class SafetensorsWriter
{
    /// <summary>
    /// The data begins at a multiple of this, so that vectors of mapped weights do not span two lines of the cache; the reference
    /// implementation takes 8, and a reader accepts any.
    /// </summary>
    private const int Alignment = 64;

    private const int PieceLength = 1 << 22;

    private static readonly JsonWriterOptions WriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Writes a file. <paramref name="write"/> is called for each tensor in order and writes exactly its bytes, little-endian.
    /// The metadata are strings for <c>__metadata__</c>, beside "format": "pt".
    /// </summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written; no file is left.</exception>
    public static void Write(
        string path,
        IReadOnlyList<TensorDeclaration> tensors,
        Action<TensorDeclaration, Stream> write,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = Header(tensors, metadata);
        FreeSpace.Require(path, header.Length + tensors.Sum(tensor => tensor.ByteLength));
        AtomicFile.Write(path, stream =>
        {
            stream.Write(header);
            foreach (var tensor in tensors)
            {
                var start = stream.Position;
                write(tensor, stream);
                if (stream.Position - start != tensor.ByteLength)
                    throw new InvalidOperationException(
                        $"{tensor.Name}: {tensor.ByteLength} bytes were declared and {stream.Position - start} written");
            }
        });
    }

    /// <summary>Writes float32 tensors of row-major values in memory, in that order.</summary>
    /// <exception cref="WorkFailedException">The disk is full or the folder cannot be written; no file is left.</exception>
    public static void WriteFloat32(
        string path,
        IReadOnlyList<(string Name, long[] Shape, ReadOnlyMemory<float> Values)> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        var next = 0;
        Write(
            path,
            [.. tensors.Select(tensor => new TensorDeclaration(tensor.Name, TensorDtype.Float32, tensor.Shape))],
            (_, stream) => WriteValues(stream, tensors[next++].Values.Span),
            metadata);
    }

    // In pieces, since a span of bytes has at most a quarter of the elements.
    private static void WriteValues(Stream stream, ReadOnlySpan<float> values)
    {
        for (var rest = values; !rest.IsEmpty;)
        {
            var count = Math.Min(rest.Length, PieceLength);
            stream.Write(MemoryMarshal.AsBytes(rest[..count]));
            rest = rest[count..];
        }
    }

    /// <summary>The length field and the header, padded by spaces.</summary>
    internal static byte[] Header(IReadOnlyList<TensorDeclaration> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(new byte[SafetensorsHeader.PrefixLength]);
        using (var json = new Utf8JsonWriter(buffer, WriterOptions))
        {
            json.WriteStartObject();
            json.WriteStartObject("__metadata__");
            json.WriteString("format", "pt");
            foreach (var (key, value) in metadata ?? new Dictionary<string, string>()) json.WriteString(key, value);
            json.WriteEndObject();
            var names = new HashSet<string>();
            var offset = 0L;
            foreach (var tensor in tensors)
            {
                if (!names.Add(tensor.Name)) throw new ArgumentException($"{tensor.Name} is declared twice", nameof(tensors));
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Dtype.SafetensorsName);
                json.WriteStartArray("shape");
                foreach (var size in tensor.Shape) json.WriteNumberValue(size);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.ByteLength);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        while (buffer.Length % Alignment != 0) buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        BinaryPrimitives.WriteUInt64LittleEndian(header, (ulong)(header.Length - SafetensorsHeader.PrefixLength));
        return header;
    }
}
