using System.Runtime.InteropServices;
using System.Text;
using Shouldly;

namespace Bam.Tests.Exporting;

/// <summary>Reads a GGUF file according to its specification, without Bam's code.</summary>
internal sealed class GgufContent
{
    private readonly byte[] file;
    private readonly Dictionary<string, (long[] Shape, uint Type, long Position)> tensors = [];

    public GgufContent(string path)
    {
        file = File.ReadAllBytes(path);
        using var reader = new BinaryReader(new MemoryStream(file));
        Encoding.ASCII.GetString(reader.ReadBytes(4)).ShouldBe("GGUF");
        reader.ReadUInt32().ShouldBe(3u);
        var (tensorCount, keyCount) = (reader.ReadUInt64(), reader.ReadUInt64());
        for (var i = 0ul; i < keyCount; i++) Metadata.Add(ReadText(reader), ReadValue(reader, reader.ReadUInt32()));
        for (var i = 0ul; i < tensorCount; i++)
        {
            var name = ReadText(reader);
            var shape = new long[reader.ReadUInt32()];
            for (var axis = 0; axis < shape.Length; axis++) shape[^(axis + 1)] = reader.ReadInt64();
            tensors.Add(name, (shape, reader.ReadUInt32(), reader.ReadInt64()));
        }

        var data = (reader.BaseStream.Position + 31) / 32 * 32;
        foreach (var (name, tensor) in tensors.ToList())
        {
            (tensor.Position % 32).ShouldBe(0, name);
            tensors[name] = tensor with { Position = data + tensor.Position };
        }
    }

    public Dictionary<string, object> Metadata { get; } = [];

    public IReadOnlyCollection<string> Names => tensors.Keys;

    /// <summary>Row-major.</summary>
    public long[] ShapeOf(string name) => tensors[name].Shape;

    public uint TypeOf(string name) => tensors[name].Type;

    public float[] Float32(string name)
    {
        tensors[name].Type.ShouldBe(0u, name);
        return MemoryMarshal.Cast<byte, float>(Bytes(name, sizeof(float) * Count(name))).ToArray();
    }

    public ReadOnlySpan<byte> Bytes(string name, long length) => file.AsSpan((int)tensors[name].Position, (int)length);

    public long Count(string name) => tensors[name].Shape.Aggregate(1L, (product, size) => product * size);

    private static string ReadText(BinaryReader reader) =>
        Encoding.UTF8.GetString(reader.ReadBytes(checked((int)reader.ReadUInt64())));

    private static object ReadValue(BinaryReader reader, uint type)
    {
        switch (type)
        {
            case 4: return reader.ReadUInt32();
            case 5: return reader.ReadInt32();
            case 6: return reader.ReadSingle();
            case 7: return reader.ReadByte() == 1;
            case 8: return ReadText(reader);
            case 9:
                var itemType = reader.ReadUInt32();
                return Enumerable.Range(0, checked((int)reader.ReadUInt64())).Select(_ => ReadValue(reader, itemType)).ToArray();
            default: throw new InvalidDataException($"value type {type}");
        }
    }
}
