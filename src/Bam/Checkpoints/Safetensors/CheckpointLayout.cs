using System.Text.Encodings.Web;
using System.Text.Json;

namespace Bam.Checkpoints.Safetensors;

/// <summary>
/// Which tensor goes into which file of a checkpoint, known before anything is written: one file where all fit, else shards under
/// Hugging Face's names and an index.
/// </summary>
internal sealed class CheckpointLayout
{
    private static readonly JsonWriterOptions IndexOptions = new()
    {
        Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private CheckpointLayout(IReadOnlyList<SafetensorsLayout> files) => Files = files;

    /// <summary>The files, in the order of the tensors.</summary>
    public IReadOnlyList<SafetensorsLayout> Files { get; }

    /// <summary>The bytes of all files.</summary>
    public long Length => Files.Sum(file => file.Length);

    /// <summary>
    /// Fills one shard after the other, in order, with at most <paramref name="shardBytes"/> of tensors. A larger tensor has a
    /// shard of its own.
    /// </summary>
    public static CheckpointLayout Of(IReadOnlyList<TensorDeclaration> tensors, long shardBytes)
    {
        var shards = new List<List<TensorDeclaration>> { new() };
        var filled = 0L;
        foreach (var tensor in tensors)
        {
            if (shards[^1].Count > 0 && tensor.ByteLength > shardBytes - filled)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += tensor.ByteLength;
        }

        return new([.. shards.Select((shard, i) => new SafetensorsLayout(NameOf(i, shards.Count), shard))]);
    }

    /// <summary>The index as it is written beside shards; null where there is one file.</summary>
    public byte[]? Index()
    {
        if (Files.Count == 1) return null;
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, IndexOptions))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", Files.Sum(file => file.TensorBytes));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var file in Files)
            {
                foreach (var tensor in file.Tensors) json.WriteString(tensor.Name, file.Name);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    private static string NameOf(int shard, int shards) =>
        shards == 1 ? WeightSet.SingleFileName : WeightSet.ShardNumbered(shard + 1, shards);
}

/// <summary>A safetensors file to be written: its name, its tensors in order, and its header with their offsets.</summary>
internal sealed record SafetensorsLayout(string Name, IReadOnlyList<TensorDeclaration> Tensors)
{
    /// <summary>The length field and the header.</summary>
    public byte[] Header { get; } = SafetensorsWriter.Header(Tensors, metadata: null);

    public long TensorBytes { get; } = Tensors.Sum(tensor => tensor.ByteLength);

    /// <summary>The bytes of the whole file.</summary>
    public long Length => Header.Length + TensorBytes;
}
