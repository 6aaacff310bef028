using System.Text;
using Bam.Checkpoints;
using Bam.Files;

namespace Bam.Exporting.Gguf;

/// <summary>The layout of a GGUF version 3 file: metadata, tensor list, tensor data aligned to 32 bytes. Little-endian.</summary>
internal sealed class GgufFile
{
    private const int Alignment = 32;
    private const uint Version = 3;

    private readonly byte[] header;
    private readonly long[] positions;

    public GgufFile(GgufMetadata metadata, IReadOnlyList<GgufTensor> tensors)
    {
        Tensors = tensors;
        positions = new long[tensors.Count];
        var length = 0L;
        for (var i = 0; i < tensors.Count; i++)
        {
            positions[i] = length;
            length = Align(length + tensors[i].ByteLength);
        }

        header = Header(metadata);
        for (var i = 0; i < tensors.Count; i++) positions[i] += header.Length;
        Length = header.Length + length;
    }

    /// <summary>The tensors in the order of the file.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Size in bytes.</summary>
    public long Length { get; }

    /// <summary>File offset of the data of a tensor, by its index in <see cref="Tensors"/>.</summary>
    public long PositionOf(int tensor) => positions[tensor];

    /// <summary>Creates the file and writes everything except tensor data.</summary>
    /// <exception cref="Bam.WorkFailedException">The disk is full or cannot be written.</exception>
    public OutputFile Create(string path) => new(path, header, Length);

    private static long Align(long position) => (position + Alignment - 1) / Alignment * Alignment;

    private byte[] Header(GgufMetadata metadata)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)Tensors.Count);
        writer.Write((ulong)metadata.Count);
        metadata.Write(writer);
        for (var i = 0; i < Tensors.Count; i++)
        {
            GgufMetadata.WriteText(writer, Tensors[i].Name);
            writer.Write((uint)Tensors[i].Shape.Count);
            foreach (var size in Tensors[i].Shape.Reverse()) writer.Write((ulong)size);
            writer.Write((uint)Tensors[i].Type);
            writer.Write((ulong)positions[i]);
        }

        while (content.Length % Alignment != 0) content.WriteByte(0);
        return content.ToArray();
    }
}

/// <summary>The metadata of a GGUF file, in the order of addition.</summary>
internal sealed class GgufMetadata
{
    private readonly List<Action<BinaryWriter>> entries = [];

    private enum ValueType
    {
        UInt32 = 4,
        Int32 = 5,
        Float32 = 6,
        Bool = 7,
        Text = 8,
        Array = 9,
    }

    public int Count => entries.Count;

    /// <summary>Adds a uint32.</summary>
    public void Add(string key, int value) => Add(key, ValueType.UInt32, writer => writer.Write(checked((uint)value)));

    /// <summary>Adds a float32.</summary>
    public void Add(string key, double value) => Add(key, ValueType.Float32, writer => writer.Write((float)value));

    public void Add(string key, bool value) => Add(key, ValueType.Bool, writer => writer.Write(value));

    public void Add(string key, string value) => Add(key, ValueType.Text, writer => WriteText(writer, value));

    public void Add(string key, IReadOnlyCollection<string> values) => AddArray(key, ValueType.Text, values, WriteText);

    public void Add(string key, IReadOnlyCollection<int> values) =>
        AddArray(key, ValueType.Int32, values, (writer, value) => writer.Write(value));

    public void Add(string key, IReadOnlyCollection<float> values) =>
        AddArray(key, ValueType.Float32, values, (writer, value) => writer.Write(value));

    public void Write(BinaryWriter writer)
    {
        foreach (var entry in entries) entry(writer);
    }

    /// <summary>Writes a GGUF string: its length in bytes, then UTF-8.</summary>
    public static void WriteText(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private void Add(string key, ValueType type, Action<BinaryWriter> writeValue) =>
        entries.Add(writer =>
        {
            WriteText(writer, key);
            writer.Write((uint)type);
            writeValue(writer);
        });

    private void AddArray<T>(string key, ValueType type, IReadOnlyCollection<T> values, Action<BinaryWriter, T> writeItem) =>
        Add(key, ValueType.Array, writer =>
        {
            writer.Write((uint)type);
            writer.Write((ulong)values.Count);
            foreach (var value in values) writeItem(writer, value);
        });
}

/// <summary>One tensor of a GGUF file.</summary>
/// <param name="Name">Its name in the file.</param>
/// <param name="Shape">Row-major; the file lists the dimensions in reverse order.</param>
/// <param name="Type">The storage type.</param>
/// <param name="Parts">The model's parameters that it concatenates.</param>
internal sealed record GgufTensor(string Name, IReadOnlyList<long> Shape, GgufTensorType Type, IReadOnlyList<ParameterInfo> Parts)
{
    /// <summary>The values of a tensor that is not a parameter of the model.</summary>
    public float[]? Values { get; init; }

    /// <summary>If not 0, the rows of each part are permuted by <see cref="RotaryRows"/> for this head_dim.</summary>
    public int RotaryHeadDim { get; init; }

    /// <summary>Added to every number; Gemma's norms multiply by 1 + weight.</summary>
    public float Offset { get; init; }

    /// <summary>The one number that the parts consist of, where the model has no such parameters.</summary>
    public float? Constant { get; init; }

    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Size in bytes.</summary>
    public long ByteLength => Type.ByteLength(Count);
}
