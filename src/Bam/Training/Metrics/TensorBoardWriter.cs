using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Bam.Files;
using Google.Protobuf;

namespace Bam.Training.Metrics;

/// <summary>
/// Writes scalars as a TensorBoard event file. Every writer starts a file of its own, also after a resume: TensorBoard reads all
/// files of a directory as one run, in the order of their names.
/// </summary>
internal sealed class TensorBoardWriter : IDisposable
{
    /// <summary>The longest that a written value stays in memory while values keep coming.</summary>
    public static readonly TimeSpan FlushInterval = TimeSpan.FromSeconds(5);

    private readonly TimeProvider clock;
    private readonly FileStream stream;
    private long lastFlush;

    /// <summary>Starts the next event file of <paramref name="directory"/>, which is created when missing.</summary>
    /// <param name="directory">The run's event directory.</param>
    /// <param name="resumedAt">
    /// The first step that this writer will see, when training went on from a checkpoint: whatever an earlier file says of that
    /// step and later is superseded. Null for a fresh run, without earlier files.
    /// </param>
    /// <param name="clock">Wall time; the system's unless given.</param>
    /// <exception cref="WorkFailedException">The directory cannot be written.</exception>
    public TensorBoardWriter(string directory, long? resumedAt = null, TimeProvider? clock = null)
    {
        this.clock = clock ?? TimeProvider.System;
        try
        {
            Directory.CreateDirectory(directory);
            stream = Create(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{directory}: event files cannot be written ({IoFailure.Describe(e)})", e);
        }

        Append(new() { WallTime = WallTime(), FileVersion = TensorBoardEvent.CurrentFileVersion });
        if (resumedAt is { } step) Append(new() { WallTime = WallTime(), Step = step, StartsSession = true });
        Flush();
    }

    public string Path => stream.Name;

    /// <summary>Records the values of one step by tag; TensorBoard groups tags by the part before the slash.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Write(long step, IReadOnlyList<KeyValuePair<string, double>> scalars)
    {
        Append(new() { WallTime = WallTime(), Step = step, Scalars = scalars });
        if (clock.GetElapsedTime(lastFlush) >= FlushInterval) Flush();
    }

    /// <summary>Hands all values to the operating system, so that readers see them and a kill does not lose them.</summary>
    /// <exception cref="WorkFailedException">The disk is full.</exception>
    public void Flush()
    {
        Guard(stream.Flush);
        lastFlush = clock.GetTimestamp();
    }

    /// <summary>Closes the file and writes as far as the disk takes it; only <see cref="Flush"/> reports a full disk.</summary>
    public void Dispose()
    {
        try
        {
            stream.Dispose();
        }
        catch (IOException)
        {
            // It would hide the failure that ended the work.
        }
    }

    private FileStream Create(string directory)
    {
        var seconds = clock.GetUtcNow().ToUnixTimeSeconds();
        for (var ordinal = 0; ; ordinal++)
        {
            var name = string.Create(
                CultureInfo.InvariantCulture, $"events.out.tfevents.{seconds:D10}.{ordinal:D4}.{Environment.MachineName}");
            var path = System.IO.Path.Combine(System.IO.Path.GetFullPath(directory), name);
            if (!File.Exists(path)) return new(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 1 << 16);
        }
    }

    private void Append(TensorBoardEvent message)
    {
        var bytes = message.ToBytes();
        Guard(() => RecordWriter.Write(stream, bytes));
    }

    private double WallTime() => clock.GetUtcNow().ToUnixTimeMilliseconds() / 1000.0;

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw new WorkFailedException($"{stream.Name}: cannot be written ({IoFailure.Describe(e)})", e);
        }
    }
}

/// <summary>
/// TensorBoard's <c>Event</c> message, as much of it as scalars need (tensorflow/core/util/event.proto and
/// tensorflow/core/framework/summary.proto).
/// </summary>
internal sealed record TensorBoardEvent
{
    /// <summary>The version that the first event of a file names.</summary>
    public const string CurrentFileVersion = "brain.Event:2";

    private const int SessionStart = 1;

    /// <summary>Seconds since 1970.</summary>
    public required double WallTime { get; init; }

    public long Step { get; init; }

    /// <summary><see cref="CurrentFileVersion"/> in the first event of a file, else null.</summary>
    public string? FileVersion { get; init; }

    /// <summary>True: readers drop <see cref="Step"/> and later in earlier files, because training went back there.</summary>
    public bool StartsSession { get; init; }

    public IReadOnlyList<KeyValuePair<string, double>> Scalars { get; init; } = [];

    /// <summary>The message as protocol buffer bytes.</summary>
    public byte[] ToBytes() => Message(output =>
    {
        output.WriteTag(1, WireFormat.WireType.Fixed64);
        output.WriteDouble(WallTime);
        if (Step != 0)
        {
            output.WriteTag(2, WireFormat.WireType.Varint);
            output.WriteInt64(Step);
        }

        if (FileVersion is not null)
        {
            output.WriteTag(3, WireFormat.WireType.LengthDelimited);
            output.WriteString(FileVersion);
        }

        if (Scalars.Count > 0) WriteMessage(output, field: 5, Summary());
        if (StartsSession) WriteMessage(output, field: 7, SessionLog());
    });

    private byte[] Summary() => Message(output =>
    {
        foreach (var (tag, value) in Scalars)
        {
            WriteMessage(output, field: 1, Message(scalar =>
            {
                scalar.WriteTag(1, WireFormat.WireType.LengthDelimited);
                scalar.WriteString(tag);
                scalar.WriteTag(2, WireFormat.WireType.Fixed32);
                scalar.WriteFloat((float)value);
            }));
        }
    });

    private static byte[] SessionLog() => Message(output =>
    {
        output.WriteTag(1, WireFormat.WireType.Varint);
        output.WriteEnum(SessionStart);
    });

    private static void WriteMessage(CodedOutputStream output, int field, byte[] message)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(message));
    }

    private static byte[] Message(Action<CodedOutputStream> write)
    {
        using var buffer = new MemoryStream();
        using (var output = new CodedOutputStream(buffer, leaveOpen: true)) write(output);
        return buffer.ToArray();
    }
}

/// <summary>
/// TensorFlow's record framing: the length as uint64, its masked CRC-32C, the bytes, their masked CRC-32C; all little-endian
/// (tensorflow/core/lib/io/record_writer.h).
/// </summary>
internal static class RecordWriter
{
    private const uint MaskDelta = 0xA282EAD8;

    public static void Write(Stream stream, ReadOnlySpan<byte> record)
    {
        Span<byte> length = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)record.Length);
        stream.Write(length);
        WriteChecksum(stream, length);
        stream.Write(record);
        WriteChecksum(stream, record);
    }

    /// <summary>CRC-32C (Castagnoli), rotated and offset, so that a checksum of data that holds checksums stays strong.</summary>
    public static uint MaskedCrc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes) crc = BitOperations.Crc32C(crc, value);
        return BitOperations.RotateRight(~crc, 15) + MaskDelta;
    }

    private static void WriteChecksum(Stream stream, ReadOnlySpan<byte> bytes)
    {
        Span<byte> checksum = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(checksum, MaskedCrc32C(bytes));
        stream.Write(checksum);
    }
}
