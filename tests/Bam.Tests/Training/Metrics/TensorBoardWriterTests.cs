using System.Buffers.Binary;
using System.Text;
using Bam.Training.Metrics;
using Google.Protobuf;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Metrics;

public sealed class TensorBoardWriterTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("bam-events-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void The_checksum_is_the_published_crc_32c()
    {
        // RFC 3720, appendix B.4, and the check value of the Castagnoli polynomial.
        Unmask(RecordWriter.MaskedCrc32C(new byte[32])).ShouldBe(0x8A9136AAu);
        Unmask(RecordWriter.MaskedCrc32C(Encoding.ASCII.GetBytes("123456789"))).ShouldBe(0xE3069283u);
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_said_as_everywhere()
    {
        var file = Path.Combine(directory, "file");
        File.WriteAllText(file, "");

        Should.Throw<WorkFailedException>(() => new TensorBoardWriter(Path.Combine(file, "events"))).Message
            .ShouldBe(
                $"{Path.Combine(file, "events")}: event files cannot be written (Could not find a part of the path "
                + $"'{Path.Combine(file, "events")}')");
    }

    [Fact]
    public void A_file_begins_like_the_ones_TensorFlow_writes()
    {
        using (new TensorBoardWriter(directory)) { }

        var bytes = File.ReadAllBytes(Directory.GetFiles(directory).ShouldHaveSingleItem());

        // The header of any event file: length 24 and its checksum, then wall_time's tag.
        bytes[..13].ShouldBe([0x18, 0, 0, 0, 0, 0, 0, 0, 0xA3, 0x7F, 0x4B, 0x22, 0x09]);
        Encoding.ASCII.GetString(bytes[21..36]).ShouldBe("\u001a\rbrain.Event:2");
    }

    [Fact]
    public void What_was_written_is_read_back()
    {
        var clock = new ManualClock();
        using (var writer = new TensorBoardWriter(directory, clock: clock))
        {
            clock.Advance(TimeSpan.FromSeconds(1.5));
            writer.Write(7, [new("loss/nll", 3.25), new("gate/λ", double.NaN)]);
            writer.Write(long.MaxValue, [new("loss/nll", -1e-3)]);
        }

        var events = Read(Directory.GetFiles(directory).ShouldHaveSingleItem());

        events.Count.ShouldBe(3);
        events[0].FileVersion.ShouldBe("brain.Event:2");
        events[1].WallTime.ShouldBe(events[0].WallTime + 1.5, 1e-3);
        events[1].Step.ShouldBe(7);
        events[1].Scalars.ShouldBe([("loss/nll", 3.25f), ("gate/λ", float.NaN)]);
        events[2].Step.ShouldBe(long.MaxValue);
        events[2].Scalars.ShouldBe([("loss/nll", -1e-3f)]);
    }

    [Fact]
    public void A_resumed_run_appends_a_file_that_sorts_last_and_supersedes()
    {
        var clock = new ManualClock();
        var paths = new List<string>();
        foreach (long? resumedAt in new long?[] { null, 40, 50 })
        {
            using var writer = new TensorBoardWriter(directory, resumedAt, clock);
            paths.Add(writer.Path);
        }

        paths.ShouldBe(paths.Order(StringComparer.Ordinal).Distinct());
        paths.ShouldAllBe(path => path.Contains("tfevents"));
        Read(paths[0]).ShouldHaveSingleItem().StartsSession.ShouldBeFalse();
        var restart = Read(paths[1])[1];
        restart.StartsSession.ShouldBeTrue();
        restart.Step.ShouldBe(40);
    }

    [Fact]
    public void Values_reach_the_file_when_the_interval_has_passed()
    {
        var clock = new ManualClock();
        using var writer = new TensorBoardWriter(directory, clock: clock);

        writer.Write(1, [new("loss", 1)]);
        Read(writer.Path).Count.ShouldBe(1);
        clock.Advance(TensorBoardWriter.FlushInterval);
        writer.Write(2, [new("loss", 1)]);

        Read(writer.Path).Count.ShouldBe(3);
    }

    [Fact]
    public void A_directory_that_cannot_be_made_is_named()
    {
        var file = Path.Combine(directory, "occupied");
        File.WriteAllText(file, "");

        Should.Throw<WorkFailedException>(() => new TensorBoardWriter(file)).Message.ShouldStartWith(file);
    }

    private static List<ReadEvent> Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var copy = new MemoryStream();
        file.CopyTo(copy);
        var bytes = copy.ToArray().AsSpan();
        var events = new List<ReadEvent>();
        while (bytes.Length > 0)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            Unmask(BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..])).ShouldBe(BitwiseCrc32C(bytes[..8]));
            var record = bytes.Slice(12, length);
            Unmask(BinaryPrimitives.ReadUInt32LittleEndian(bytes[(12 + length)..])).ShouldBe(BitwiseCrc32C(record));
            events.Add(Parse(record.ToArray()));
            bytes = bytes[(16 + length)..];
        }

        return events;
    }

    private static ReadEvent Parse(byte[] bytes)
    {
        var parsed = new ReadEvent();
        var input = new CodedInputStream(bytes);
        while (input.ReadTag() is var tag and not 0)
        {
            switch (WireFormat.GetTagFieldNumber(tag))
            {
                case 1: parsed.WallTime = input.ReadDouble(); break;
                case 2: parsed.Step = input.ReadInt64(); break;
                case 3: parsed.FileVersion = input.ReadString(); break;
                case 5: ParseSummary(input.ReadBytes().ToByteArray(), parsed.Scalars); break;
                case 7: parsed.StartsSession = input.ReadBytes().ToByteArray() is [0x08, 0x01]; break;
                default: throw new InvalidDataException($"field {WireFormat.GetTagFieldNumber(tag)}");
            }
        }

        return parsed;
    }

    private static void ParseSummary(byte[] bytes, List<(string, float)> scalars)
    {
        var input = new CodedInputStream(bytes);
        while (input.ReadTag() is not 0)
        {
            var value = input.ReadBytes().CreateCodedInput();
            value.ReadTag().ShouldBe(WireFormat.MakeTag(1, WireFormat.WireType.LengthDelimited));
            var name = value.ReadString();
            value.ReadTag().ShouldBe(WireFormat.MakeTag(2, WireFormat.WireType.Fixed32));
            scalars.Add((name, value.ReadFloat()));
        }
    }

    private static uint Unmask(uint masked)
    {
        var rotated = masked - 0xA282EAD8;
        return (rotated << 15) | (rotated >> 17);
    }

    // Bit by bit from the reversed polynomial, independent of the processor's instruction.
    private static uint BitwiseCrc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++) crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F63B78;
        }

        return ~crc;
    }

    private sealed class ReadEvent
    {
        public double WallTime { get; set; }

        public long Step { get; set; }

        public string? FileVersion { get; set; }

        public bool StartsSession { get; set; }

        public List<(string Tag, float Value)> Scalars { get; } = [];
    }

    private sealed class ManualClock : TimeProvider
    {
        private DateTimeOffset now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => now += by;

        public override DateTimeOffset GetUtcNow() => now;

        public override long GetTimestamp() => now.Ticks;
    }
}
