using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Bam.Files;

/// <summary>Reads user files and reports errors as one-line messages.</summary>
internal static class InputFile
{
    /// <summary>Size limit of files that are read as a whole: a configuration, a tokenizer, an index, a prompt.</summary>
    public const int MaxBytes = 1 << 26;

    private const int MaxLineLength = 1 << 25;

    /// <summary>How long to wait for a writer of a named pipe.</summary>
    private static readonly TimeSpan PipeTimeout = TimeSpan.FromSeconds(3);

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly UTF8Encoding StrictUtf8WithMark =
        new(encoderShouldEmitUTF8Identifier: true, throwOnInvalidBytes: true);

    /// <summary>
    /// Reads a UTF-8 file of at most <paramref name="most"/> bytes; a byte order mark is dropped. The hint is shown if it does
    /// not exist.
    /// </summary>
    /// <exception cref="InvalidInputException">It is missing, unreadable, too long or not UTF-8.</exception>
    public static string ReadAllText(string path, string hint, int most = MaxBytes)
    {
        var bytes = ReadAllBytes(path, hint, most);
        try
        {
            return StrictUtf8.GetString(Utf8Bytes.WithoutMark(bytes));
        }
        catch (DecoderFallbackException e)
        {
            throw new InvalidInputException(
                $"{path}: expected UTF-8 text, found other bytes at offset {Math.Max(0, e.Index)}; save it as UTF-8", e);
        }
    }

    /// <summary>
    /// Streams the lines of a UTF-8 file; a byte order mark is dropped. The hint is shown if it does not exist.
    /// </summary>
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
                    reader ??= new StreamReader(
                        OpenRead(path, hint, takesPipe: true), StrictUtf8WithMark, detectEncodingFromByteOrderMarks: false);
                    line = ReadLine(reader, path, number);
                }
                catch (DecoderFallbackException e)
                {
                    throw new InvalidInputException(
                        $"{path}: expected UTF-8 text, found other bytes in line {number} or after it; save it as UTF-8", e);
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

    /// <summary>Reads a file or pipe of at most <paramref name="most"/> bytes. The hint is shown if it does not exist.</summary>
    /// <exception cref="InvalidInputException">It is missing, unreadable, too long or not a file.</exception>
    public static byte[] ReadAllBytes(string path, string hint, int most = MaxBytes)
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

    /// <summary>The first 64 KiB of a file, to detect its type; empty if it cannot be read.</summary>
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

    /// <summary>
    /// Opens a regular file, or a pipe if <paramref name="takesPipe"/>: a pipe is read once, from start to end.
    /// </summary>
    /// <exception cref="InvalidInputException">
    /// It is missing, unreadable, a directory, a device, a socket or a pipe without a writer.
    /// </exception>
    public static FileStream OpenRead(string path, string hint, bool takesPipe = false, int bufferSize = 1 << 16)
    {
        var kind = FileStatus.Of(path)?.Kind;
        if (kind is not (null or FileKind.File) && !(takesPipe && kind == FileKind.Pipe)) RequireRegular(path);
        try
        {
            return kind == FileKind.Pipe
                ? OpenPipe(path)
                : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize, FileOptions.SequentialScan);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Unreadable(path, hint, e);
        }
    }

    /// <summary>Rejects existing paths that are not regular files, without opening them: opening a pipe may block.</summary>
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

    /// <summary>The error for a file that cannot be opened; the hint is shown if it does not exist.</summary>
    public static InvalidInputException Unreadable(string path, string hint, Exception cause) =>
        cause is FileNotFoundException or DirectoryNotFoundException
            ? new InvalidInputException($"{path}: does not exist; {hint}", cause)
            : new InvalidInputException(
                $"{path}: cannot be read ({IoFailure.Describe(cause)}); check that it is a readable file", cause);

    private static string? ReadLine(StreamReader reader, string path, long number)
    {
        var line = new StringBuilder();
        while (reader.Read() is var letter and >= 0)
        {
            if (letter == '\r' && reader.Peek() == '\n') letter = reader.Read();
            if (letter is '\r' or '\n') return line.ToString();
            if (line.Append((char)letter).Length > MaxLineLength)
                throw new InvalidInputException(
                    $"{path}, line {number}", $"a line of at most {MaxLineLength:N0} characters", "a longer one",
                    "is it the right file?");
        }

        return line.Length > 0 ? line.ToString() : null;
    }

    private static InvalidInputException TooLong(string path, int most, string found) =>
        new(path, $"a file of at most {most:N0} bytes", found, "is it the right file?");

    // Opening a pipe blocks until there is a writer; opening both ends releases the waiting thread.
    private static FileStream OpenPipe(string path)
    {
        var opening = Task.Run(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0));
        if (((IAsyncResult)opening).AsyncWaitHandle.WaitOne(PipeTimeout)) return opening.GetAwaiter().GetResult();
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
            opening.GetAwaiter().GetResult().Dispose();
        throw new InvalidInputException(
            $"{path}: expected a file, found a pipe that nobody writes into; start the writer first, or give a file");
    }
}

/// <summary>Reads standard input with the same checks as a file.</summary>
internal static class StandardInput
{
    private const string Name = "standard input";

    /// <summary>Reads UTF-8 text; a byte order mark is dropped.</summary>
    /// <exception cref="InvalidInputException">
    /// It is unreadable, longer than <see cref="InputFile.MaxBytes"/> or not UTF-8.
    /// </exception>
    public static string ReadAllText(Stream stream)
    {
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        try
        {
            while (stream.Read(buffer) is var count and > 0)
            {
                if (content.Length + count > InputFile.MaxBytes)
                    throw new InvalidInputException(
                        Name, $"at most {InputFile.MaxBytes:N0} bytes", "more", "is it the right text?");
                content.Write(buffer, 0, count);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException($"{Name}: cannot be read ({IoFailure.Describe(e)}); give a file", e);
        }

        var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
        if (Utf8Bytes.IndexOfInvalid(bytes) is var offset and >= 0)
            throw new InvalidInputException(
                $"{Name}: expected UTF-8 text, found other bytes at offset {offset}; give it as UTF-8");
        return Encoding.UTF8.GetString(Utf8Bytes.WithoutMark(bytes));
    }
}

/// <summary>Checks on bytes before they are decoded as UTF-8.</summary>
internal static class Utf8Bytes
{
    /// <summary>The bytes without a leading byte order mark.</summary>
    public static ReadOnlySpan<byte> WithoutMark(ReadOnlySpan<byte> bytes) => bytes.StartsWith("\uFEFF"u8) ? bytes[3..] : bytes;

    /// <summary>The index of the first invalid byte; -1 if there is none.</summary>
    public static int IndexOfInvalid(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes)) return -1;
        var at = 0;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out var length) == OperationStatus.Done) at += length;
        return at;
    }
}
