using System.Text;
using Bam.Checkpoints;

namespace Bam.Exporting.Gguf;

/// <summary>
/// A GGUF file, version 3, as it will be: metadata, the list of tensors, then the tensors, each at a multiple of 32 bytes. All
/// numbers are little-endian.
/// </summary>
internal sealed class GgufFile
{
    private const int Alignment = 32;
    private const uint Version = 3;

    private readonly byte[] header;
    private readonly long[] positions;

    /// <summary>Lays the file out.</summary>
    /// <param name="metadata">Keys and values.</param>
    /// <param name="tensors">What it holds, in the file's order.</param>
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

    /// <summary>What it holds, in the file's order.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Its size.</summary>
    public long Length { get; }

    /// <summary>Where in the file a tensor begins.</summary>
    /// <param name="tensor">Its number in <see cref="Tensors"/>.</param>
    public long PositionOf(int tensor) => positions[tensor];

    /// <summary>Creates the file with everything but its tensors.</summary>
    /// <exception cref="Bam.WorkFailedException">The disk is full or cannot be written.</exception>
    public OutputFile Create(string path)
    {
        var file = new OutputFile(path, Length);
        file.Guarded(() => RandomAccess.Write(file.Handle, header, 0));
        return file;
    }

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

/// <summary>The keys and values at the head of a GGUF file, in the order in which they are added.</summary>
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

    /// <summary>How many keys there are.</summary>
    public int Count => entries.Count;

    /// <summary>Adds a count or an id.</summary>
    public void Add(string key, int value) => Add(key, ValueType.UInt32, writer => writer.Write(checked((uint)value)));

    /// <summary>Adds a real number, which the file holds as float32.</summary>
    public void Add(string key, double value) => Add(key, ValueType.Float32, writer => writer.Write((float)value));

    /// <summary>Adds a yes or no.</summary>
    public void Add(string key, bool value) => Add(key, ValueType.Bool, writer => writer.Write(value));

    /// <summary>Adds a text.</summary>
    public void Add(string key, string value) => Add(key, ValueType.Text, writer => WriteText(writer, value));

    /// <summary>Adds texts.</summary>
    public void Add(string key, IReadOnlyCollection<string> values) => AddArray(key, ValueType.Text, values, WriteText);

    /// <summary>Adds signed numbers.</summary>
    public void Add(string key, IReadOnlyCollection<int> values) => AddArray(key, ValueType.Int32, values, (writer, value) => writer.Write(value));

    /// <summary>Adds float32 numbers.</summary>
    public void Add(string key, IReadOnlyCollection<float> values) => AddArray(key, ValueType.Float32, values, (writer, value) => writer.Write(value));

    /// <summary>Writes everything.</summary>
    public void Write(BinaryWriter writer)
    {
        foreach (var entry in entries) entry(writer);
    }

    /// <summary>Writes a text as the format has it: its length in bytes, then UTF-8.</summary>
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
/// <param name="Name">Its name there.</param>
/// <param name="Shape">Rows first, as everywhere in Bam; the file lists the sizes the other way round.</param>
/// <param name="Type">How it is stored.</param>
/// <param name="Parts">The model's parameters that it consists of, one after the other.</param>
internal sealed record GgufTensor(string Name, IReadOnlyList<long> Shape, GgufTensorType Type, IReadOnlyList<ParameterInfo> Parts)
{
    /// <summary>The numbers of a tensor that is no parameter of the model.</summary>
    public float[]? Values { get; init; }

    /// <summary>The rows of each part lie in the order of <see cref="RotaryRows"/> for heads of that size; 0: as they are.</summary>
    public int RotaryHeadDim { get; init; }

    /// <summary>How many numbers.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>Its size.</summary>
    public long ByteLength => Type.ByteLength(Count);
}
