using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>The safetensors files of a checkpoint directory: one, or several with an index.</summary>
internal sealed class ShardSet : IDisposable
{
    private const string CopyIndex = "copy the index again";

    private const string CopyAll = "copy the index and the shards again";

    private readonly List<SafetensorsFile> files = [];
    private readonly Dictionary<string, SafetensorsFile> fileOf = [];
    private readonly Dictionary<string, TensorInfo> tensors = [];

    private ShardSet() { }

    public IReadOnlyList<SafetensorsFile> Files => files;

    public IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

    public static ShardSet Open(string directory)
    {
        var shards = new ShardSet();
        try
        {
            var single = Path.Combine(directory, Checkpoint.SingleFileName);
            var index = Path.Combine(directory, Checkpoint.IndexFileName);
            if (File.Exists(single)) shards.Add(single);
            else if (File.Exists(index)) shards.AddIndexed(directory, index);
            else throw NoWeights(directory);
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>The file that holds a tensor.</summary>
    /// <exception cref="InvalidInputException">None does.</exception>
    public SafetensorsFile FileOf(string name) =>
        fileOf.TryGetValue(name, out var file)
            ? file
            : throw new InvalidInputException($"{files[0].Path}: tensor {name}", "such a tensor", "none", "is it the right checkpoint?");

    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }

    private static InvalidInputException NoWeights(string directory)
    {
        var other = Directory.EnumerateFiles(directory)
            .Select(Path.GetFileName)
            .OfType<string>()
            .Where(name => Path.GetExtension(name) is ".bin" or ".pt" or ".pth" or ".ckpt" or ".gguf" or ".h5" or ".msgpack")
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
        return other is null
            ? new InvalidInputException(directory, $"{Checkpoint.SingleFileName} or {Checkpoint.IndexFileName}", "neither", "is it the right directory?")
            : new InvalidInputException(
                directory, $"{Checkpoint.SingleFileName}", $"only {other}",
                "Bam reads nothing that can run code; convert it with transformers: python3 -c \"from transformers import AutoModelForCausalLM as M; "
                + $"M.from_pretrained('{directory}').save_pretrained('{directory}', safe_serialization=True)\"");
    }

    private SafetensorsFile Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        files.Add(file);
        foreach (var (name, info) in file.Tensors)
        {
            if (!fileOf.TryAdd(name, file))
                throw new InvalidInputException($"{path}: tensor {name}", "one tensor of that name", $"another in {Path.GetFileName(fileOf[name].Path)}", "remove one of the shards");
            tensors.Add(name, info);
        }

        return file;
    }

    private void AddIndexed(string directory, string index)
    {
        var shardOf = ReadWeightMap(index);
        foreach (var shard in shardOf.Values.Distinct().Order(StringComparer.Ordinal))
        {
            var path = Path.Combine(directory, shard);
            if (!File.Exists(path)) throw new InvalidInputException(index, $"the shard {shard}", "no such file", "copy it beside the index");
            Add(path);
        }

        foreach (var (name, shard) in shardOf)
        {
            if (!fileOf.TryGetValue(name, out var file))
                throw new InvalidInputException($"{index}: tensor {name}", $"it in {shard}", "no shard that has it", CopyAll);
            if (Path.GetFileName(file.Path) != shard)
                throw new InvalidInputException($"{index}: tensor {name}", $"it in {shard}", $"it in {Path.GetFileName(file.Path)}", CopyAll);
        }

        foreach (var (name, file) in fileOf)
        {
            if (!shardOf.ContainsKey(name))
                throw new InvalidInputException($"{file.Path}: tensor {name}", $"only tensors that {Checkpoint.IndexFileName} names", "one that it does not", CopyAll);
        }
    }

    private static Dictionary<string, string> ReadWeightMap(string index) =>
        JsonInput.ReadObject(InputFile.ReadAllBytes(index, CopyIndex), index, CopyIndex, root =>
        {
            if (!root.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new InvalidInputException(index, "an object \"weight_map\" from tensor to shard", "none", CopyIndex);
            var shardOf = new Dictionary<string, string>();
            foreach (var entry in map.EnumerateObject())
            {
                var shard = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
                if (shard.Length == 0 || Path.GetFileName(shard) != shard || shard is "." or "..")
                    throw new InvalidInputException($"{index}: tensor {entry.Name}", "a file name beside the index", JsonInput.Describe(entry.Value), "correct it");
                if (!shardOf.TryAdd(entry.Name, shard))
                    throw new InvalidInputException($"{index}: tensor {entry.Name}", "one shard", "the key twice", "remove one of the two");
            }

            return shardOf.Count > 0 ? shardOf : throw new InvalidInputException($"{index}: weight_map", "at least one tensor", "none", CopyIndex);
        });
}
