using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Bam.Files;

/// <summary>Reads a user's files, turning what the system reports into one line.</summary>
internal static class InputFile
{
    /// <summary>The longest file that is read as a whole: a configuration, a tokenizer, an index, a prompt.</summary>
    public const int MostBytes = 1 << 26;

    private const int LongestLine = 1 << 25;

    /// <summary>How long a named pipe waits for somebody to write into it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly UTF8Encoding StrictUtf8WithMark = new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    /// <summary>The whole text of a UTF-8 file; a byte-order mark is dropped.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <param name="most">The most bytes that it may have.</param>
    /// <exception cref="InvalidInputException">It is missing, unreadable, longer, or not UTF-8.</exception>
    public static string ReadAllText(string path, string hint, int most = MostBytes)
    {
        var bytes = ReadAllBytes(path, hint, most);
        try
        {
            return StrictUtf8.GetString(Utf8Bytes.WithoutMark(bytes));
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
                    reader ??= new StreamReader(OpenRead(path, hint, takesPipe: true), StrictUtf8WithMark, detectEncodingFromByteOrderMarks: false);
                    line = ReadLine(reader, path, number);
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

    /// <summary>All bytes of a file or of a pipe.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <param name="most">The most bytes that it may have.</param>
    /// <exception cref="InvalidInputException">It is missing, unreadable, longer, or no file.</exception>
    public static byte[] ReadAllBytes(string path, string hint, int most = MostBytes)
    {
        using var stream = OpenRead(path, hint, takesPipe: true);
        Span<byte> oneMore = stackalloc byte[1];
        try
        {
            if (stream.CanSeek && stream.Length > most) throw TooLong(path, most, $"{stream.Length:N0}");
            var bytes = new ArrayBufferWriter<byte>(stream.CanSeek ? (int)stream.Length + 1 : 1 << 16);
            while (true)
            {
                var room = most - bytes.WrittenCount;
                var target = room > 0 ? bytes.GetSpan(1) : oneMore;
                var count = stream.Read(target[..Math.Clamp(room, 1, target.Length)]);
                if (count == 0) return bytes.WrittenSpan.ToArray();
                if (room == 0) throw TooLong(path, most, "more");
                bytes.Advance(count);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, hint, e);
        }
    }

    /// <summary>The first characters of a file, enough to tell what it is; none where it cannot be read.</summary>
    internal static string ReadHead(string path)
    {
        try
        {
            using var stream = OpenRead(path, "");
            var head = new byte[1 << 16];
            return Encoding.UTF8.GetString(head.AsSpan(0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)));
        }
        catch (Exception e) when (e is InvalidInputException or IOException)
        {
            return "";
        }
    }

    /// <summary>Opens a regular file, or a pipe where that will do.</summary>
    /// <param name="path">The file.</param>
    /// <param name="hint">What to do when it is not there.</param>
    /// <param name="takesPipe">Whether a pipe will do: one is read once and from start to end.</param>
    /// <param name="bufferSize">Bytes of the stream's buffer.</param>
    /// <exception cref="InvalidInputException">It is missing, unreadable, a directory, a device or a socket, or a pipe that nobody writes into.</exception>
    public static FileStream OpenRead(string path, string hint, bool takesPipe = false, int bufferSize = 1 << 16)
    {
        var kind = FileStatus.Of(path)?.Kind;
        if (kind is not (null or FileKind.File) && !(takesPipe && kind == FileKind.Pipe)) RequireRegular(path);
        try
        {
            return kind == FileKind.Pipe ? OpenPipe(path) : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, hint, e);
        }
    }

    /// <summary>Refuses what is there and no regular file, without opening it: opening a pipe may wait for ever.</summary>
    /// <exception cref="InvalidInputException">It is a directory, a device, a pipe or a socket.</exception>
    internal static void RequireRegular(string path)
    {
        if (FileStatus.Of(path) is not { Kind: not FileKind.File } status) return;
        throw new InvalidInputException(path, "a regular file", status.Words, status.Kind switch
        {
            FileKind.Pipe => "write it to a file first",
            FileKind.Directory => "name a file in it",
            _ => "check the path",
        });
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

    private static string? ReadLine(StreamReader reader, string path, long number)
    {
        var line = new StringBuilder();
        while (reader.Read() is var letter and >= 0)
        {
            if (letter == '\r' && reader.Peek() == '\n') letter = reader.Read();
            if (letter is '\r' or '\n') return line.ToString();
            if (line.Append((char)letter).Length > LongestLine)
                throw new InvalidInputException($"{path}, line {number}", $"a line of at most {LongestLine:N0} characters", "a longer one", "is it the right file?");
        }

        return line.Length > 0 ? line.ToString() : null;
    }

    private static InvalidInputException TooLong(string path, int most, string found) =>
        new(path, $"a file of at most {most:N0} bytes", found, "is it the right file?");

    // Opening a pipe waits for somebody who writes; opening it for both ends releases the thread that waits.
    private static FileStream OpenPipe(string path)
    {
        var opening = Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0));
        if (((IAsyncResult)opening).AsyncWaitHandle.WaitOne(Patience)) return opening.GetAwaiter().GetResult();
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite)) opening.GetAwaiter().GetResult().Dispose();
        throw new InvalidInputException($"{path}: expected a file, found a pipe that nobody writes into; start the writer first, or give a file");
    }
}

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

/// <summary>What bytes are before they are decoded as UTF-8.</summary>
internal static class Utf8Bytes
{
    /// <summary>The bytes after a byte-order mark, if there is one.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;

    /// <summary>The place of the first byte that is not UTF-8; -1 when all are.</summary>
    public static int IndexOfInvalid(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes)) return -1;
        var at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == OperationStatus.Done) at += length;
        return at;
    }
}
