using System.Buffers.Binary;
using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// The header of a safetensors file: eight bytes of length, then JSON that gives each tensor's dtype, shape and range of bytes.
/// Every claim is checked against the file before a byte of a tensor is read.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The bytes of the length field.</summary>
    public const int PrefixLength = 8;

    /// <summary>The largest header that the reference implementation accepts.</summary>
    public const long MaximumLength = 100_000_000;

    // About as many of the header's bytes describe one tensor.
    private const int BytesOfATensor = 128;

    // Such a pointer is text: "version https://git-lfs…".
    private static readonly ulong GitLfsPrefix = BinaryPrimitives.ReadUInt64LittleEndian("version "u8);

    private const string Damaged = "the file is damaged, copy or convert it again";

    private readonly string path;
    private readonly long dataStart;
    private readonly long dataLength;
    private readonly Dictionary<string, TensorInfo> tensors;
    private readonly Dictionary<string, string> metadata = [];

    private SafetensorsHeader(string path, int length, long dataLength)
    {
        this.path = path;
        tensors = new(length / BytesOfATensor);
        dataStart = PrefixLength + length;
        this.dataLength = dataLength;
    }

    public IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

    public IReadOnlyDictionary<string, string> Metadata => metadata;

    /// <summary>Refuses a length field that the file cannot hold.</summary>
    public static void CheckLength(string path, ulong headerLength, long fileLength)
    {
        if (headerLength == GitLfsPrefix)
            throw new InvalidInputException(
                path, "a safetensors file", "a pointer of Git LFS, which stands for the file",
                "fetch the file itself with 'git lfs pull'");
        if (headerLength > MaximumLength)
        {
            throw new InvalidInputException(
                $"{path}: header length", $"at most {MaximumLength} bytes", $"{headerLength}", "is it a safetensors file?");
        }

        if ((long)headerLength > fileLength - PrefixLength)
        {
            throw new InvalidInputException(
                $"{path}: header length", $"at most the {fileLength - PrefixLength} bytes that follow it", $"{headerLength}",
                "the file is cut short or is not safetensors, copy it again");
        }
    }

    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long fileLength)
    {
        if (Utf8Bytes.WithoutMark(json).Length < json.Length)
            throw new InvalidInputException($"{path}: header", "a JSON object", "a byte-order mark", Damaged);
        var header = new SafetensorsHeader(path, json.Length, fileLength - PrefixLength - json.Length);
        try
        {
            header.Read(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or InvalidInputException)
        {
            // What is no object of JSON in Unicode is reported as that, wherever the fault is.
            JsonInput.ReadObject(json, $"{path}: header", Damaged, root => root);
            throw;
        }

        JsonInput.RequireUnicode(json, $"{path}: header", Damaged);
        header.CheckRanges();
        return header;
    }

    // Token by token: a mixture has ten thousand tensors, and a document of them is several times as large as the header.
    private void Read(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) throw new JsonException();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isMetadata = reader.ValueTextEquals("__metadata__"u8);
            var name = reader.GetString()!;
            reader.Read();
            if (isMetadata) AddMetadata(JsonElement.ParseValue(ref reader));
            else AddTensor(name, ref reader);
        }

        reader.Read();
    }

    private void AddMetadata(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Fault("__metadata__", "an object of strings", JsonInput.Describe(value));
        foreach (var entry in value.EnumerateObject())
        {
            if (entry.Value.ValueKind != JsonValueKind.String)
                throw Fault("__metadata__", "an object of strings", $"{entry.Name} = {JsonInput.Describe(entry.Value)}");
            metadata[entry.Name] = entry.Value.GetString()!;
        }
    }

    private void AddTensor(string name, ref Utf8JsonReader reader)
    {
        if (tensors.ContainsKey(name)) throw Fault(name, "one tensor of that name", "two");
        if (reader.TokenType != JsonTokenType.StartObject)
            throw Fault(name, "an object with dtype, shape and data_offsets", Describe(ref reader));
        TensorDtype? dtype = null;
        long[]? shape = null, offsets = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (dtype is null && reader.ValueTextEquals("dtype"u8)) dtype = Dtype(name, ref reader);
            else if (shape is null && reader.ValueTextEquals("shape"u8)) shape = Integers(name, "shape", ref reader);
            else if (offsets is null && reader.ValueTextEquals("data_offsets"u8))
                offsets = Integers(name, "data_offsets", ref reader);
            else
                throw Fault(name, "dtype, shape and data_offsets, once each", $"\"{reader.GetString()}\"");
        }

        if (dtype is not { } type) throw Fault(name, "a dtype", "none");
        if (shape is null) throw Fault(name, "a shape", "none");
        if (offsets is not [var begin, var end])
            throw Fault(name, "data_offsets with a begin and an end", offsets is null ? "none" : TensorShape.Describe(offsets));
        if (begin > end || end > dataLength)
        {
            throw new InvalidInputException(
                $"{path}: tensor {name}: data_offsets", $"a range within the {dataLength} bytes of data", $"[{begin}, {end}]",
                end > dataLength ? "the file is cut short, copy it again" : Damaged);
        }

        var expected = TensorShape.Count(shape) is { } count && count <= long.MaxValue / type.BitSize
            ? ((count * type.BitSize) + 7) / 8
            : -1;
        if (expected != end - begin)
        {
            throw Fault(
                name,
                $"{(expected < 0 ? "more bytes than any file has" : $"{expected} bytes")} for {type.SafetensorsName} "
                + $"{TensorShape.Describe(shape)}",
                $"{end - begin}");
        }

        tensors.Add(name, new TensorInfo(name, type, shape, dataStart + begin, end - begin));
    }

    /// <summary>The tensors must cover the data without holes and without overlap.</summary>
    private void CheckRanges()
    {
        var position = dataStart;
        TensorInfo? previous = null;
        TensorInfo[] inOrder = [.. tensors.Values];
        Array.Sort(inOrder, ByPlace);
        foreach (var tensor in inOrder)
        {
            if (tensor.Offset != position)
            {
                var found = tensor.Offset < position
                    ? $"{tensor.Offset - dataStart}, inside {previous!.Name}"
                    : $"{tensor.Offset - dataStart}, behind a hole";
                throw new InvalidInputException(
                    $"{path}: tensor {tensor.Name}: data_offsets", $"a begin of {position - dataStart}", found, Damaged);
            }

            position += tensor.ByteLength;
            previous = tensor;
        }

        if (position != dataStart + dataLength)
        {
            throw new InvalidInputException(
                $"{path}: data", $"{position - dataStart} bytes, as the header declares", $"{dataLength}", Damaged);
        }
    }

    private static int ByPlace(TensorInfo a, TensorInfo b) =>
        a.Offset != b.Offset ? a.Offset.CompareTo(b.Offset)
            : a.ByteLength != b.ByteLength ? a.ByteLength.CompareTo(b.ByteLength)
            : string.CompareOrdinal(a.Name, b.Name);

    private TensorDtype Dtype(string name, ref Utf8JsonReader reader)
    {
        reader.Read();
        var text = reader.TokenType == JsonTokenType.String
            ? reader.GetString()!
            : throw Fault(name, "a dtype's name", Describe(ref reader));
        return TensorDtypes.FromSafetensorsName(text)
            ?? throw new InvalidInputException(
                $"{path}: tensor {name}: dtype", "one that safetensors has (F32, BF16, F16 …)", text, Damaged);
    }

    private long[] Integers(string name, string member, ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Fault($"{name}: {member}", "an array of integers", Describe(ref reader));
        Span<long> numbers = stackalloc long[4];
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var number) || number < 0)
                throw Fault($"{name}: {member}", "integers from 0", JsonElement.ParseValue(ref reader).GetRawText());
            if (count == numbers.Length) numbers = (long[])[.. numbers, .. numbers];
            numbers[count++] = number;
        }

        return numbers[..count].ToArray();
    }

    private static string Describe(ref Utf8JsonReader reader) => JsonInput.Describe(JsonElement.ParseValue(ref reader));

    private InvalidInputException Fault(string name, string expected, string found) =>
        new($"{path}: tensor {name}", expected, found, Damaged);
}
