namespace Bam.Checkpoints.Safetensors;

/// <summary>The safetensors files of a checkpoint directory: one, or several shards.</summary>
internal sealed class ShardSet : IDisposable
{
    private const string CopyAll = "copy the index and the shards again";

    /// <summary>Bytes that are compared at a time.</summary>
    private const int BufferLength = 1 << 20;

    private readonly List<SafetensorsFile> files = [];
    private readonly List<SafetensorsFile> others = [];
    private readonly Dictionary<string, SafetensorsFile> fileOf = [];
    private readonly Dictionary<string, TensorInfo> tensors = [];
    private readonly Dictionary<string, IReadOnlyList<TensorChange>> changes = [];
    private Dictionary<string, StoredScales> scales = [];
    private HashSet<string> scaleNames = [];

    private ShardSet() { }

    public IReadOnlyList<SafetensorsFile> Files => files;

    /// <summary>Every tensor by its name. A replaced one has the dtype and the offset of what replaces it.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => tensors;

    /// <summary>Opens the weights of a directory, of equal sets the first; warns of weights that are not read.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="reporter">Receives the warnings.</param>
    /// <param name="readsAdapter">Whether an adapter beside the weights is read afterwards.</param>
    /// <exception cref="InvalidInputException">There are none, they are damaged, or there are two sets that differ.</exception>
    public static ShardSet Open(string directory, IReporter reporter, bool readsAdapter = false)
    {
        var sets = WeightSet.FindAll(directory, reporter, readsAdapter);
        var shards = Open(directory, sets[0]);
        try
        {
            if (sets.Skip(1).FirstOrDefault(other => !HoldsTheSame(shards, directory, other)) is { } different)
            {
                throw new InvalidInputException(
                    directory, "one set of weights", $"{sets[0].Description} and {different.Description}, which differ",
                    "move the set that is not meant to another directory");
            }

            shards.scales = QuantizedWeights.FindScales(directory, shards, reporter);
            shards.scaleNames = [.. shards.scales.Values.Select(found => found.Name)];
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>Closes another file together with these.</summary>
    public void Own(SafetensorsFile file) => others.Add(file);

    /// <summary>Replaces a tensor by one of another file.</summary>
    public void Replace(string name, SafetensorsFile file, TensorInfo tensor)
    {
        fileOf[name] = file;
        tensors[name] = tensor with { Name = name };
        changes.Remove(name);
        scales.Remove(name);
    }

    /// <summary>Replaces or adds a tensor that equals another one in its current state.</summary>
    public void Copy(string from, string to)
    {
        fileOf[to] = fileOf[from];
        tensors[to] = tensors[from] with { Name = to };
        changes.Remove(to);
        scales.Remove(to);
        if (changes.TryGetValue(from, out var those)) changes[to] = those;
        if (scales.TryGetValue(from, out var found)) scales[to] = found;
    }

    /// <summary>Adds a change that is applied whenever the tensor is read, after its earlier changes.</summary>
    public void Change(string name, TensorChange change) => changes[name] = [.. ChangesOf(name), change];

    /// <summary>The changes of a tensor, in order.</summary>
    public IReadOnlyList<TensorChange> ChangesOf(string name) => changes.GetValueOrDefault(name, []);

    /// <summary>The file that holds a tensor.</summary>
    /// <exception cref="InvalidInputException">None does.</exception>
    public SafetensorsFile FileOf(string name) =>
        fileOf.TryGetValue(name, out var file)
            ? file
            : throw new InvalidInputException(
                $"{files[0].Path}: tensor {name}", "such a tensor", "none", "is it the right checkpoint?");

    /// <summary>Whether a tensor holds numbers that a parameter may have: floating-point, or float8 with scales.</summary>
    public bool IsReadable(TensorInfo tensor) => tensor.Dtype.IsFloatingPoint || scales.ContainsKey(tensor.Name);

    /// <summary>Whether a tensor holds the scales of another, or scales that are not needed beside those.</summary>
    public bool IsScale(string name) => scales.Count > 0 && (scaleNames.Contains(name) || QuantizedWeights.IsOfActivations(name));

    /// <summary>
    /// Reads a range within a tensor, converted to float32; float8 is multiplied by its scales. Then it is changed.
    /// </summary>
    /// <exception cref="InvalidInputException">There is no such tensor, it is not floating-point, or is unreadable.</exception>
    public void ReadFloat32(string name, long start, Span<float> destination) =>
        ReadFloat32(name, ChangesOf(name), start, destination);

    /// <summary>Reads a range within a tensor with the given changes instead of its own.</summary>
    /// <exception cref="InvalidInputException">As for the other overload.</exception>
    public void ReadFloat32(string name, IReadOnlyList<TensorChange> changes, long start, Span<float> destination)
    {
        FileOf(name).ReadFloat32(tensors[name], start, destination);
        if (scales.TryGetValue(name, out var found)) found.Scales.Multiply(start, destination);
        foreach (var change in changes) change.Apply(start, destination);
    }

    public void Dispose()
    {
        foreach (var file in files.Concat(others)) file.Dispose();
    }

    private static ShardSet Open(string directory, WeightSet set)
    {
        var shards = new ShardSet();
        try
        {
            foreach (var name in set.Files)
            {
                var path = Path.Combine(directory, name);
                if (set.Index is { } index && !File.Exists(path))
                    throw new InvalidInputException(
                        Path.Combine(directory, index), $"the shard {name}", "no such file", "copy it beside the index");
                shards.Add(path);
            }

            if (set.Index is not null) shards.RequireIndexed(directory, set);
            return shards;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    private void Add(string path)
    {
        var file = SafetensorsFile.Open(path);
        files.Add(file);
        fileOf.EnsureCapacity(fileOf.Count + file.Tensors.Count);
        tensors.EnsureCapacity(tensors.Count + file.Tensors.Count);
        foreach (var (name, info) in file.Tensors)
        {
            if (!fileOf.TryAdd(name, file))
                throw new InvalidInputException(
                    $"{path}: tensor {name}", "one tensor of that name", $"another in {Path.GetFileName(fileOf[name].Path)}",
                    "remove one of the shards");
            tensors.Add(name, info);
        }
    }

    private void RequireIndexed(string directory, WeightSet set)
    {
        var index = Path.Combine(directory, set.Index!);
        foreach (var (name, shard) in set.ShardOf)
        {
            if (!fileOf.TryGetValue(name, out var file))
                throw new InvalidInputException($"{index}: tensor {name}", $"it in {shard}", "no shard that has it", CopyAll);
            if (Path.GetFileName(file.Path) != shard)
                throw new InvalidInputException(
                    $"{index}: tensor {name}", $"it in {shard}", $"it in {Path.GetFileName(file.Path)}", CopyAll);
        }

        foreach (var (name, file) in fileOf)
        {
            if (!set.ShardOf.ContainsKey(name))
                throw new InvalidInputException(
                    $"{file.Path}: tensor {name}", $"only tensors that {set.Index} names", "one that it does not", CopyAll);
        }
    }

    // A set that cannot be opened is not equal.
    private static bool HoldsTheSame(ShardSet first, string directory, WeightSet set)
    {
        try
        {
            using var second = Open(directory, set);
            return first.tensors.Count == second.tensors.Count
                && first.tensors.Keys.All(name => HoldTheSame(name, first, second));
        }
        catch (InvalidInputException)
        {
            return false;
        }
    }

    private static bool HoldTheSame(string name, ShardSet first, ShardSet second)
    {
        if (!second.tensors.TryGetValue(name, out var there)) return false;
        var here = first.tensors[name];
        if (here.Dtype != there.Dtype || !here.Shape.SequenceEqual(there.Shape)) return false;
        var (a, b) = (new byte[Math.Min(BufferLength, here.ByteLength)], new byte[Math.Min(BufferLength, here.ByteLength)]);
        for (var start = 0L; start < here.ByteLength; start += BufferLength)
        {
            var length = (int)Math.Min(BufferLength, here.ByteLength - start);
            first.fileOf[name].ReadBytes(here, start, a.AsSpan(0, length));
            second.fileOf[name].ReadBytes(there, start, b.AsSpan(0, length));
            if (!a.AsSpan(0, length).SequenceEqual(b.AsSpan(0, length))) return false;
        }

        return true;
    }
}
