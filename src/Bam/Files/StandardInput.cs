using System.Text;

namespace Bam.Files;

/// <summary>Reads standard input as strictly as a file.</summary>
internal static class StandardInput
{
    private const string Name = "standard input";

    /// <summary>The whole text, which must be UTF-8; a byte-order mark is dropped.</summary>
    /// <param name="stream">Standard input.</param>
    /// <exception cref="InvalidInputException">It is unreadable, longer than <see cref="InputFile.MostBytes"/>, or not UTF-8.</exception>
    public static string ReadAllText(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        try
        {
            while (stream.Read(buffer) is var count and > 0)
            {
                if (content.Length + count > InputFile.MostBytes)
                    throw new InvalidInputException(Name, $"at most {InputFile.MostBytes:N0} bytes", "more", "is it the right text?");
                content.Write(buffer, 0, count);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{Name}: cannot be read ({IoFailure.Describe(e)}); give a file", e);
        }

        var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
        if (Utf8Bytes.IndexOfInvalid(bytes) is var offset and >= 0)
            throw new InvalidInputException($"{Name}: expected UTF-8 text, found other bytes at offset {offset}; give it as UTF-8");
        return Encoding.UTF8.GetString(Utf8Bytes.WithoutMark(bytes));
    }
}
