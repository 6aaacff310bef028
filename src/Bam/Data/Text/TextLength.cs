using Bam.Files;

namespace Bam.Data.Text;

/// <summary>How long a text file is, whether it is compressed or not.</summary>
internal static class TextLength
{
    /// <summary>The bytes of the text; a compressed file is read once to count them.</summary>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    public static long Of(string file, CancellationToken cancellation)
    {
        if (!InputFiles.IsCompressed(file)) return new FileInfo(file).Length;
        using var text = new GzipText(InputFile.OpenRead(file, "check the path"), file);
        var buffer = new byte[1 << 16];
        var length = 0L;
        for (int count; (count = text.Read(buffer)) > 0; length += count) cancellation.ThrowIfCancellationRequested();
        return length;
    }
}
