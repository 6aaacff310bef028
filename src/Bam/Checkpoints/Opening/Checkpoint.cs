using Bam.Checkpoints.Adapters;
using Bam.Checkpoints.Families;
using Bam.Checkpoints.Safetensors;
using Bam.Files;

namespace Bam.Checkpoints.Opening;

/// <summary>
/// A model directory in Hugging Face form: <c>config.json</c> with <c>model.safetensors</c>, or with shards and their index; of
/// Bam's own kind or of a family that it reads, whose tensors are then read under Bam's names. When it is open, every parameter
/// of the configuration is there, once, with its shape and a floating-point dtype.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    private readonly ShardSet shards;
    private readonly Dictionary<string, TensorSource> sources;

    private Checkpoint(
        ModelPath source, ModelFamily family, ModelConfig config, ShardSet shards, IReadOnlyList<FoldedAdapter> adapters)
    {
        (Source, Adapters) = (source, adapters);
        ModelType = family.ModelType;
        Config = config;
        this.shards = shards;
        Parameters = ParameterTable.Of(config);
        var found = family.SourcesOf(Parameters, config, shards.Tensors.ContainsKey);
        var stored = CheckpointRules.Check(Directory, family, config, found, shards);
        Dtypes = DtypeCount.Of(stored.Select(tensor => shards.Tensors[tensor]));
        Dtype = DtypeToWrite();
        sources = new(found.Count);
        for (var i = 0; i < found.Count; i++) sources.Add(Parameters[i].Name, found[i]);
    }

    /// <summary>The directory, without adapters.</summary>
    public string Directory => Source.Base;

    /// <summary>The checkpoint and its adapters as they were named.</summary>
    internal ModelPath Source { get; }

    /// <summary>The name of the model in messages: the directory, or BASE+ADAPTER.</summary>
    internal string Name => Source.ToString();

    /// <summary>What was folded into the stored tensors, in order.</summary>
    internal IReadOnlyList<FoldedAdapter> Adapters { get; }

    /// <summary><c>model_type</c> of its config.json: "bam", or the family that it comes from.</summary>
    public string ModelType { get; }

    /// <summary>The model's configuration.</summary>
    public ModelConfig Config { get; private set; }

    /// <summary>Every parameter of the configuration, in the format's order.</summary>
    internal IReadOnlyList<ParameterInfo> Parameters { get; private set; }

    /// <summary>The default dtype of a copy: the declared one where some parameters have it, else the most frequent.</summary>
    internal TensorDtype Dtype { get; }

    /// <summary>The dtypes of the tensors that hold parameters, the most frequent first.</summary>
    internal IReadOnlyList<DtypeCount> Dtypes { get; }

    /// <summary>The stored tensors over all shards, by their own names.</summary>
    internal IReadOnlyDictionary<string, TensorInfo> Tensors => shards.Tensors;

    internal IReadOnlyList<SafetensorsFile> Files => shards.Files;

    /// <summary>The stored tensors with their numbers.</summary>
    internal ShardSet Stored => shards;

    /// <summary>
    /// Opens a checkpoint, BASE+ADAPTER included, and checks its tensors' names, shapes and dtypes against its configuration.
    /// </summary>
    /// <exception cref="InvalidInputException">Something is missing, superfluous or wrong; the line names the first.</exception>
    public static Checkpoint Open(string directory, IReporter? reporter = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        reporter ??= SilentReporter.Instance;
        var source = ModelPath.Of(directory);
        RequireDirectory(source.Base);
        var shards = ShardSet.Open(source.Base, reporter, source.IsAdapterInBase);
        try
        {
            var (family, config) = ModelConfigReader.ReadDirectory(source.Base, reporter, shards);
            var adapters = AdapterFolding.FoldAll(source.Adapters, shards, family, config, reporter);
            var checkpoint = new Checkpoint(
                source, family, TiedHead.Resolve(family, config, source, shards, reporter), shards, adapters);
            StoredTables.WarnOfOther(family, checkpoint.Config, shards, reporter);
            return checkpoint;
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>Reads a whole parameter, converted to float32; the destination has exactly its number of elements.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter, or its file cannot be read.</exception>
    /// <exception cref="ArgumentException">The destination has another length.</exception>
    public void ReadFloat32(string name, Span<float> destination)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        _ = SourceOf(name);
        var count = Parameters.First(parameter => parameter.Name == name).Count;
        if (destination.Length != count)
            throw new ArgumentException(
                $"{Directory}: parameter {name}: expected a destination of {count} elements, found {destination.Length}",
                nameof(destination));
        ReadFloat32(name, 0, destination);
    }

    /// <summary>Reads a range of a parameter, converted to float32. It must end within the parameter.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter, or its file cannot be read.</exception>
    internal void ReadFloat32(string name, long start, Span<float> destination)
    {
        var source = SourceOf(name);
        while (!destination.IsEmpty)
        {
            var count = (int)Math.Min(destination.Length, source.RestOfStretch(start));
            shards.ReadFloat32(source.Tensor, source.PlaceOf(start), destination[..count]);
            destination = destination[count..];
            start += count;
        }
    }

    /// <summary>The dtype in which a parameter is stored.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter.</exception>
    internal TensorDtype DtypeOf(string name) => shards.Tensors[SourceOf(name).Tensor].Dtype;

    /// <summary>Whether the stored bytes of a parameter are its numbers in a dtype, so that they can be copied.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter.</exception>
    internal bool IsStoredAs(TensorDtype dtype, string name) =>
        DtypeOf(name) == dtype && IsUnchanged(name);

    /// <summary>Whether no adapter changes a parameter; such parameters may be read by several threads.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter.</exception>
    internal bool IsUnchanged(string name) => shards.ChangesOf(SourceOf(name).Tensor).Count == 0;

    /// <summary>The file of a parameter and the place of its first byte there; null if the numbers do not lie together.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter.</exception>
    internal (SafetensorsFile File, long Offset)? PlaceOf(ParameterInfo parameter)
    {
        var source = SourceOf(parameter.Name);
        if (source.RestOfStretch(0) < parameter.Count) return null;
        var tensor = shards.Tensors[source.Tensor];
        return (shards.FileOf(source.Tensor), tensor.Offset + source.PlaceOf(0) * tensor.Dtype.ByteSize);
    }

    /// <summary>Reads the bytes of whole elements as they are stored. The range must end within the parameter.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter, or its file cannot be read.</exception>
    internal void ReadBytes(string name, long start, Span<byte> destination)
    {
        var source = SourceOf(name);
        var file = shards.FileOf(source.Tensor);
        var tensor = shards.Tensors[source.Tensor];
        var size = tensor.Dtype.ByteSize;
        while (!destination.IsEmpty)
        {
            var count = Math.Min(destination.Length / size, source.RestOfStretch(start));
            var length = (int)count * size;
            file.ReadBytes(tensor, source.PlaceOf(start) * size, destination[..length]);
            destination = destination[length..];
            start += count;
        }
    }

    /// <summary>Tells the kernel to start reading a range of a parameter. The range must end within the parameter.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter.</exception>
    internal void ReadAhead(string name, long start, long count)
    {
        var source = SourceOf(name);
        var file = shards.FileOf(source.Tensor);
        var tensor = shards.Tensors[source.Tensor];
        var (first, last) = (source.PlaceOf(start), source.PlaceOf(start + count - 1));
        file.ReadAhead(tensor, first * tensor.Dtype.ByteSize, (last - first + 1) * tensor.Dtype.ByteSize);
    }

    /// <summary>The file that holds a parameter, with the adapters if they change it; for messages.</summary>
    /// <exception cref="InvalidInputException">There is no such parameter.</exception>
    internal string PathOf(string name)
    {
        var stored = SourceOf(name).Tensor;
        var path = shards.FileOf(stored).Path;
        return shards.ChangesOf(stored).Count == 0
            ? path
            : $"{path} with {string.Join(", ", Adapters.Select(adapter => adapter.Directory))} folded in";
    }

    /// <summary>The name of a number in messages: its file, its stored tensor and its index in that tensor.</summary>
    internal string Describe(string name, long index)
    {
        var source = SourceOf(name);
        return $"{PathOf(name)}: tensor {source.Tensor}{TensorShape.DescribeIndex(source.Shape, source.PlaceOf(index))}";
    }

    /// <summary>Warns of tensors that are converted although the user did not ask for it.</summary>
    internal void WarnOfConversion(TensorDtype dtype, IReporter reporter)
    {
        if (Dtypes is [{ Dtype.IsFloatingPoint: true }]) return;
        var converted = Dtypes.Where(count => count.Dtype != dtype).Sum(count => count.Tensors);
        reporter.Warn(
            $"{Name}: the tensors do not all have the dtype that is written ({DtypeCount.Describe(Dtypes)}); {converted} "
            + $"of them {(converted == 1 ? "is" : "are")} converted to {dtype.TorchName}, unless --dtype says otherwise");
    }

    /// <summary>Gives a tied model a head of its own, equal to its embedding matrix.</summary>
    internal void Untie()
    {
        if (!Config.TieWordEmbeddings) return;
        Config = Config with { TieWordEmbeddings = false };
        Parameters = ParameterTable.Of(Config);
        sources.Add(ParameterTable.Head, sources[ParameterTable.Embedding]);
    }

    /// <inheritdoc/>
    public void Dispose() => shards.Dispose();

    private static void RequireDirectory(string directory)
    {
        if (System.IO.Directory.Exists(directory)) return;
        if (File.Exists(directory))
            throw new InvalidInputException(directory, "a checkpoint directory", "a file", "name the directory it lies in");
        var missing = ModelPath.MissingSide(directory) is { } side ? $", or BASE+ADAPTER, of which {side} does not exist" : "";
        throw new InvalidInputException(
            $"{directory}: does not exist; expected a checkpoint directory with {ModelConfig.FileName} and "
            + $"model.safetensors{missing}");
    }

    // Float8 with scales is written in the dtype from before quantisation, which config.json declares.
    private TensorDtype DtypeToWrite()
    {
        var isQuantized = Dtypes.Any(count => count.Dtype.IsFloat8);
        if (Config.TorchDtype is { } name && TensorDtypes.FromTorchName(name) is { IsFloatingPoint: true } declared
            && (isQuantized || Dtypes.Any(count => count.Dtype == declared)))
            return declared;
        return Dtypes.FirstOrDefault(count => count.Dtype.IsFloatingPoint)?.Dtype ?? TensorDtype.BFloat16;
    }

    /// <summary>Where the numbers of a parameter are stored.</summary>
    internal TensorSource SourceOf(string name) =>
        sources.TryGetValue(name, out var source)
            ? source
            : throw new InvalidInputException(
                $"{Name}: parameter {name}", "such a parameter", "none", "is it the right checkpoint?");
}

/// <summary>How many of a checkpoint's tensors have a dtype.</summary>
internal sealed record DtypeCount(TensorDtype Dtype, int Tensors)
{
    /// <summary>The dtypes of tensors, the most frequent first.</summary>
    internal static IReadOnlyList<DtypeCount> Of(IEnumerable<TensorInfo> tensors) =>
    [
        .. tensors.GroupBy(tensor => tensor.Dtype.TorchName).Select(group => new DtypeCount(group.First().Dtype, group.Count()))
            .OrderByDescending(count => count.Tensors),
    ];

    /// <summary>In words: "19 bfloat16, 2 float32".</summary>
    internal static string Describe(IEnumerable<DtypeCount> counts) =>
        string.Join(", ", counts.Select(count => $"{count.Tensors} {count.Dtype.TorchName}"));
}
