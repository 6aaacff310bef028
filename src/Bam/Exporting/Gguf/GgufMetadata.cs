using System.Text;

namespace Bam.Exporting.Gguf;

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
