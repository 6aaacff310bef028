using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Bam.Files;

namespace Bam.Checkpoints.Safetensors;

/// <summary>Safetensors files of a directory that together hold a model's weights.</summary>
/// <param name="Description">Its name in messages: "model.safetensors", "the 2 shards of model.safetensors.index.json".</param>
/// <param name="Files">The names of the files, in order.</param>
/// <param name="Index">The index that names them; null where there is none.</param>
/// <param name="ShardOf">The file of each tensor, as the index has it; empty without an index.</param>
internal sealed partial record WeightSet(
    string Description, IReadOnlyList<string> Files, string? Index, IReadOnlyDictionary<string, string> ShardOf)
{
    /// <summary>The weights of a checkpoint that has one file.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>The map from tensor to shard of a checkpoint that has several.</summary>
    public const string IndexFileName = "model.safetensors.index.json";

    private const string CopyIndex = "copy the index again";

    /// <summary>The index, where other files or none would be read without it; otherwise null.</summary>
    public string? DecidingIndex =>
        Files is [SingleFileName]
            || Files.SequenceEqual(Enumerable.Range(1, Files.Count).Select(number => ShardNumbered(number, Files.Count)))
        ? null
        : Index;

    private bool IsVariant => Index is not null && IndexName().Match(Index).Groups["variant"].Success;

    /// <summary>Every set of a directory, one for a usual model; warns of files with weights that belong to none.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="reporter">Receives the warnings.</param>
    /// <param name="readsAdapter">Whether an adapter there is read afterwards, and needs no warning.</param>
    /// <exception cref="InvalidInputException">An index is damaged, or there are no weights.</exception>
    public static IReadOnlyList<WeightSet> FindAll(string directory, IReporter reporter, bool readsAdapter = false)
    {
        var names = Directory.EnumerateFiles(directory).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)
            .ToList();
        var indexed = names.Where(IsIndex).OrderBy(name => name == IndexFileName ? 0 : 1)
            .Select(name => OfIndex(directory, name)).ToList();
        var inIndex = indexed.SelectMany(set => set.Files).ToHashSet();
        var sets = names.Where(name => name == SingleFileName && !inIndex.Contains(name)).Select(OfFile).Concat(indexed).ToList();
        var shards = names.Where(name => !inIndex.Contains(name) && IsShard(name)).GroupBy(ShardCount)
            .Select(group => OfShards([.. group])).ToList();
        sets.AddRange(shards.Where(set => set.Files.Count == ShardCount(set.Files[0])));

        // An index without any of its shards is a leftover, unless there is nothing else.
        if (sets.Exists(IsThere)) sets.RemoveAll(set => !IsThere(set));
        if (sets.Count == 0) throw NoWeights(directory, names, shards);

        // Loaders read the variant of an index only when they are asked to.
        List<WeightSet> variants = sets.Exists(set => !set.IsVariant) ? sets.FindAll(set => set.IsVariant) : [];
        sets.RemoveAll(variants.Contains);
        foreach (var variant in variants)
            reporter.Warn(
                $"{directory}: {variant.Description}{(variant.Files.Count == 1 ? ", is" : " are")} not read; the weights are "
                + $"those of {sets[0].Description}");
        foreach (var name in names.Except(sets.Concat(variants).SelectMany(set => set.Files.Append(set.Index))))
        {
            if (!readsAdapter || !IsAdapter(name!)) WarnOfUnread(name!, directory, sets[0], reporter);
        }

        return sets;

        bool IsThere(WeightSet set) => set.Files.Any(names.Contains);
    }

    private static WeightSet OfFile(string name) => new(name, [name], null, new Dictionary<string, string>());

    private static WeightSet OfShards(IReadOnlyList<string> names) =>
        new($"the shards {names[0]} …", names, null, new Dictionary<string, string>());

    private static WeightSet OfIndex(string directory, string name)
    {
        var shardOf = ReadWeightMap(Path.Combine(directory, name));
        string[] files = [.. shardOf.Values.Distinct().Order(StringComparer.Ordinal)];
        return new(
            files.Length == 1 ? $"{files[0]}, which {name} names" : $"the {files.Length} shards of {name}", files, name, shardOf);
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
                if (shard.Length == 0 || Path.GetFileName(shard) != shard || shard.Contains('\0') || shard is "." or "..")
                    throw new InvalidInputException(
                        $"{index}: tensor {entry.Name}", "a file name beside the index", JsonInput.Describe(entry.Value),
                        "correct it");
                if (!shardOf.TryAdd(entry.Name, shard))
                    throw new InvalidInputException(
                        $"{index}: tensor {entry.Name}", "one shard", "the key twice", "remove one of the two");
            }

            return shardOf.Count > 0
                ? shardOf
                : throw new InvalidInputException($"{index}: weight_map", "at least one tensor", "none", CopyIndex);
        });

    private static void WarnOfUnread(string name, string directory, WeightSet read, IReporter reporter)
    {
        if (IsIndex(name))
            reporter.Warn($"{directory}: none of the shards of {name} are here; {read.Description} is read");
        else if (IsAdapter(name))
            reporter.Warn(
                $"{directory}: {name} is not applied, the weights are those of {read.Description} alone; to have both, name "
                + $"them as BASE+ADAPTER: {directory}+{directory}");
        else if (name.Contains(".safetensors", StringComparison.Ordinal) && OtherWeights().IsMatch(name))
            reporter.Warn($"{directory}: {name} is not read; the weights are those of {read.Description}");
    }

    private static InvalidInputException NoWeights(string directory, IReadOnlyList<string> names, IReadOnlyList<WeightSet> shards)
    {
        if (shards is [{ Files: [var first, ..] files }, ..])
        {
            var missing = Enumerable.Range(1, ShardCount(first)).Select(number => ShardNumbered(number, ShardCount(first)))
                .Except(files);
            return new InvalidInputException(
                directory, $"the {ShardCount(first)} shards that {first} is one of",
                $"no {string.Join(", no ", missing.Take(3))}", "copy the missing ones");
        }

        if (names.FirstOrDefault(IsAdapter) is { } adapter)
        {
            return new InvalidInputException(
                directory, SingleFileName, $"only {adapter}, an adapter for another model",
                $"name both as BASE+{directory}, with that model's directory as BASE");
        }

        if (names.FirstOrDefault(IsOfAnotherFormat) is { } other)
        {
            return new InvalidInputException(
                directory, SingleFileName, $"only {other}",
                "Bam reads nothing that can run code; convert it with transformers: python3 -c \"from transformers import "
                + "AutoModelForCausalLM as M; "
                + $"M.from_pretrained('{directory}').save_pretrained('{directory}', safe_serialization=True)\"");
        }

        var found = names.FirstOrDefault(name => name.EndsWith(".safetensors", StringComparison.Ordinal));
        return found is null
            ? new InvalidInputException(
                directory, $"{SingleFileName} or {IndexFileName}", "neither", "is it the right directory?")
            : new InvalidInputException(
                directory, $"{SingleFileName} or {IndexFileName}", $"only {found}",
                $"if that is the model in Hugging Face's form, rename it {SingleFileName}");
    }

    private static bool IsAdapter(string name) => name.StartsWith("adapter_model.", StringComparison.Ordinal);

    private static bool IsOfAnotherFormat(string name) =>
        Path.GetExtension(name) is ".bin" or ".pt" or ".pth" or ".ckpt" or ".gguf" or ".h5" or ".msgpack";

    // The first use of a regular expression takes 15 ms; most directories need none.
    private static bool IsIndex(string name) =>
        name.Contains(".safetensors.index", StringComparison.Ordinal) && IndexName().IsMatch(name);

    private static bool IsShard(string name) =>
        name.StartsWith("model-", StringComparison.Ordinal) && ShardName().IsMatch(name);

    private static int ShardCount(string name) =>
        int.Parse(ShardName().Match(name).Groups["count"].Value, CultureInfo.InvariantCulture);

    /// <summary>The name of a shard, counted from 1.</summary>
    public static string ShardNumbered(int number, int count) =>
        string.Create(CultureInfo.InvariantCulture, $"model-{number:D5}-of-{count:D5}.safetensors");

    [GeneratedRegex(@"^(?!consolidated).*\.safetensors\.index(\.(?<variant>\w+))?\.json$")]
    private static partial Regex IndexName();

    [GeneratedRegex(@"^model-[0-9]{5}-of-(?<count>[0-9]{5})\.safetensors$")]
    private static partial Regex ShardName();

    [GeneratedRegex(@"^(model|pytorch_model|consolidated)\b.*\.safetensors$")]
    private static partial Regex OtherWeights();
}
