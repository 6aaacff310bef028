using System.IO.Compression;
using System.Security.Cryptography;

namespace Bam.Data.Text;

/// <summary>
/// Decompresses a gzip file and notices when its end is missing, which <see cref="GZipStream"/> passes over in silence. A gzip file
/// may hold several members one after another, so one more is fed in behind the file: it comes out whole only if the file was.
/// </summary>
internal sealed class GzipText : ReadOnlyStream
{
    private readonly string path;
    private readonly byte[] mark = RandomNumberGenerator.GetBytes(32);
    private readonly ConcatenatedStream input;
    private readonly GZipStream gzip;

    // What came out after the end of the file, without the mark.
    private MemoryStream? tail;

    /// <summary>Decompresses <paramref name="file"/>, which it then owns.</summary>
    public GzipText(Stream file, string path)
    {
        this.path = path;
        input = new(file, new MemoryStream(Compress(mark)));
        gzip = new(input, CompressionMode.Decompress);
    }

    /// <summary>Reads decompressed bytes.</summary>
    /// <exception cref="InvalidInputException">The file is damaged or its end is missing.</exception>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty) return 0;
        if (tail is not null) return tail.Read(buffer);
        try
        {
            var count = gzip.Read(buffer);
            if (!input.IsFirstRead) return count;
            tail = ReadTail(buffer[..count]);
        }
        catch (InvalidDataException e)
        {
            throw input.IsFirstRead ? EndIsMissing() : new InvalidInputException($"{path}: is not a whole gzip file; copy it again", e);
        }

        return tail.Read(buffer);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) gzip.Dispose();
        base.Dispose(disposing);
    }

    private MemoryStream ReadTail(ReadOnlySpan<byte> first)
    {
        var rest = new MemoryStream();
        rest.Write(first);
        gzip.CopyTo(rest);
        if (!rest.GetBuffer().AsSpan(0, (int)rest.Length).EndsWith(mark)) throw EndIsMissing();
        rest.SetLength(rest.Length - mark.Length);
        rest.Position = 0;
        return rest;
    }

    private InvalidInputException EndIsMissing() => new($"{path}: the end of the gzip file is missing; copy it again");

    private static byte[] Compress(byte[] bytes)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.NoCompression, leaveOpen: true)) gzip.Write(bytes);
        return compressed.ToArray();
    }
}
