using Google.Protobuf;

namespace Bam.Training.Metrics;

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

    /// <summary>The training step.</summary>
    public long Step { get; init; }

    /// <summary><see cref="CurrentFileVersion"/> in the first event of a file, else null.</summary>
    public string? FileVersion { get; init; }

    /// <summary>True: readers drop what earlier files say of <see cref="Step"/> and later, because training went back there.</summary>
    public bool StartsSession { get; init; }

    /// <summary>The values by tag.</summary>
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
