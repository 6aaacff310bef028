using System.Text;

namespace Bam.Files;

/// <summary>Reads a user's files, turning what the system reports into one line.</summary>
public static class InputFile
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly UTF8Encoding StrictUtf8WithMark = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    /// <summary>The whole text of a UTF-8 file; a byte-order mark is dropped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <exception cref="InvalidInputException">It is missing, unreadable or not UTF-8.</exception>
    public static string ReadAllText(string path, string hint)
    {
        var bytes = ReadAllBytes(path, hint);
        try
        {
            var start = bytes.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
            return StrictUtf8.GetString(bytes, start, bytes.Length - start);
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidInputException($"{path}: expected UTF-8 text, found other bytes at offset {Math.Max(0, e.Index)}; save it as UTF-8", e);
        }
    }

    /// <summary>The lines of a UTF-8 file one after another, without holding them; a byte-order mark is dropped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <exception cref="InvalidInputException">It is missing, unreadable or not UTF-8.</exception>
    public static IEnumerable<string> ReadLines(string path, string hint)
    {
        StreamReader? reader = null;
        try
        {
            for (var number = 1L; ; number++)
            {
                string? line;
                try
                {
                    reader ??= new StreamReader(path, StrictUtf8WithMark, detectEncodingFromByteOrderMarks: false);
                    line = reader.ReadLine();
                }
                catch (DecoderFallbackException e)
                {
                    throw new InvalidInputException($"{path}: expected UTF-8 text, found other bytes in line {number} or after it; save it as UTF-8", e);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    throw Unreadable(path, hint, e);
                }

                if (line is null) yield break;
                yield return line;
            }
        }
        finally
        {
            reader?.Dispose();
        }
    }

    /// <summary>All bytes of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <exception cref="InvalidInputException">It is missing or unreadable.</exception>
    public static byte[] ReadAllBytes(string path, string hint)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, hint, e);
        }
    }

    /// <summary>The one line for a file that cannot be opened.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <param name="cause">What the system said.</param>
    public static InvalidInputException Unreadable(string path, string hint, Exception cause)
    {
        ArgumentNullException.ThrowIfNull(cause);
        return cause is FileNotFoundException or DirectoryNotFoundException
            ? new InvalidInputException($"{path}: does not exist; {hint}", cause)
            : new InvalidInputException($"{path}: cannot be read ({IoFailure.Describe(cause)}); check that it is a readable file", cause);
    }
}
