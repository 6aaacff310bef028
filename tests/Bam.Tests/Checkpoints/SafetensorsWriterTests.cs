using System.Buffers.Binary;
using Bam.Checkpoints.Safetensors;
using Shouldly;
using Xunit;

namespace Bam.Tests.Checkpoints;

public sealed class SafetensorsWriterTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    private string FilePath => directory["x.safetensors"];

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(TensorDtype.Float32)]
    [InlineData(TensorDtype.BFloat16)]
    [InlineData(TensorDtype.Float16)]
    [InlineData(TensorDtype.Float64)]
    public void What_is_written_is_read_back_in_any_dtype(TensorDtype dtype)
    {
        // More than one conversion buffer; every value is exact in bfloat16.
        var values = Enumerable.Range(0, 1_200_000).Select(i => (i % 255) - 127f).ToArray();
        SafetensorsWriter.Write(
            FilePath, [new("name with \"é\"", dtype, [1200, 1000]), new("last", TensorDtype.Bool, [])], (tensor, stream) =>
        {
            if (tensor.Dtype == TensorDtype.Bool)
            {
                stream.WriteByte(1);
                return;
            }

            var bytes = new byte[tensor.ByteLength];
            FloatConversion.FromFloat32(values, dtype, bytes);
            stream.Write(bytes);
        });
        using var file = SafetensorsFile.Open(FilePath);
        file["name with \"é\""].Dtype.ShouldBe(dtype);
        file["name with \"é\""].Shape.ShouldBe([1200L, 1000L]);
        var read = new float[values.Length];
        file.ReadFloat32("name with \"é\"", read);
        read.AsSpan().SequenceEqual(values).ShouldBeTrue();
        var part = new float[7];
        file.ReadFloat32(file["name with \"é\""], 600_003, part);
        part.ShouldBe(values[600_003..600_010]);
    }

    [Fact]
    public void Data_begins_at_a_multiple_of_eight_and_metadata_is_kept()
    {
        for (var length = 1; length < 10; length++)
        {
            SafetensorsWriter.WriteFloat32(
                FilePath, [(new string('w', length), [1], new float[] { 3 })], new Dictionary<string, string> { ["step"] = "7" });
            (BinaryPrimitives.ReadUInt64LittleEndian(File.ReadAllBytes(FilePath)) % 8).ShouldBe(0ul);
            using var file = SafetensorsFile.Open(FilePath);
            file.Metadata["step"].ShouldBe("7");
            file.Metadata["format"].ShouldBe("pt");
        }
    }

    [Fact]
    public void Writing_other_than_declared_is_a_fault_of_the_caller_and_leaves_no_file()
    {
        Should.Throw<InvalidOperationException>(
            () => SafetensorsWriter.Write(FilePath, [new("w", TensorDtype.UInt8, [4])], (_, stream) => stream.WriteByte(1)))
            .Message.ShouldBe("w: 4 bytes were declared and 1 written");
        Should.Throw<ArgumentException>(
            () => SafetensorsWriter.Write(
                FilePath, [new("w", TensorDtype.UInt8, [1]), new("w", TensorDtype.UInt8, [1])],
                (_, stream) => stream.WriteByte(1)));
        Directory.GetFileSystemEntries(directory.Root).ShouldBeEmpty();
    }
}
