using Microsoft.Win32.SafeHandles;

namespace Bam.Checkpoints;

/// <summary>
/// A model directory in Hugging Face form: <c>config.json</c> with <c>model.safetensors</c>, or with shards and their index.
/// Open means that every parameter of the configuration is there, once, with its shape and one dtype.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    /// <summary>The weights of a checkpoint that has one file.</summary>
    public const string SingleFileName = "model.safetensors";

    /// <summary>The map from tensor to shard of a checkpoint that has several.</summary>
    public const string IndexFileName = "model.safetensors.index.json";

    private readonly ShardSet shards;

    private Checkpoint(string directory, ModelConfig config, ShardSet shards)
    {
        Directory = directory;
        Config = config;
        this.shards = shards;
        Parameters = ParameterTable.Of(config);
        Dtype = CheckpointRules.Check(directory, config, Parameters, shards);
    }

    /// <summary>The directory.</summary>
    public string Directory { get; }

    /// <summary>The model's configuration.</summary>
    public ModelConfig Config { get; }

    /// <summary>Every parameter of the configuration, in the format's order.</summary>
    public IReadOnlyList<ParameterInfo> Parameters { get; }

    /// <summary>The dtype of every parameter.</summary>
    public TensorDtype Dtype { get; }

    /// <summary>The tensors over all shards, by name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Tensors => shards.Tensors;

    /// <summary>The files that hold the tensors.</summary>
    public IReadOnlyList<SafetensorsFile> Files => shards.Files;

    /// <summary>Opens a checkpoint and checks its tensors' names, shapes and dtypes against its configuration.</summary>
    /// <exception cref="InvalidInputException">Something is missing, superfluous or wrong; the one line names the first.</exception>
    public static Checkpoint Open(string directory)
    {
        if (!System.IO.Directory.Exists(directory))
        {
            throw File.Exists(directory)
                ? new InvalidInputException(directory, "a checkpoint directory", "a file", "name the directory it lies in")
                : new InvalidInputException($"{directory}: does not exist; expected a checkpoint directory with {ModelConfig.FileName} and model.safetensors");
        }

        var shards = ShardSet.Open(directory);
        try
        {
            return new Checkpoint(directory, ModelConfig.Load(directory), shards);
        }
        catch
        {
            shards.Dispose();
            throw;
        }
    }

    /// <summary>Reads a whole tensor, converted to float32.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="destination">Receives exactly its number of elements.</param>
    /// <exception cref="InvalidInputException">There is no such tensor, or its file cannot be read.</exception>
    public void ReadFloat32(string name, Span<float> destination) => shards.FileOf(name).ReadFloat32(name, destination);

    /// <summary>Reads a range of a tensor, converted to float32.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="start">The first element.</param>
    /// <param name="destination">Receives the elements; must end within the tensor.</param>
    /// <exception cref="InvalidInputException">There is no such tensor, or its file cannot be read.</exception>
    public void ReadFloat32(string name, long start, Span<float> destination)
    {
        var file = shards.FileOf(name);
        file.ReadFloat32(file[name], start, destination);
    }

    /// <summary>Reads a range of a tensor's bytes.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="byteOffset">From the tensor's first byte.</param>
    /// <param name="destination">Receives the bytes; must end within the tensor.</param>
    /// <exception cref="InvalidInputException">There is no such tensor, or its file cannot be read.</exception>
    public void ReadBytes(string name, long byteOffset, Span<byte> destination)
    {
        var file = shards.FileOf(name);
        file.ReadBytes(file[name], byteOffset, destination);
    }

    /// <summary>Has the kernel copy a range of a tensor's bytes to another file, which it can where they are stored as they are.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="byteOffset">From the tensor's first byte.</param>
    /// <param name="length">How many bytes; must end within the tensor.</param>
    /// <param name="target">Open for writing.</param>
    /// <param name="position">Where in the target.</param>
    /// <returns>How many bytes, from the first on, it copied; what is missing is for <see cref="ReadBytes"/>.</returns>
    /// <exception cref="InvalidInputException">There is no such tensor.</exception>
    /// <exception cref="IOException">The disk is full or failed.</exception>
    internal long CopyBytes(string name, long byteOffset, long length, SafeFileHandle target, long position)
    {
        var file = shards.FileOf(name);
        return file.CopyBytes(file[name], byteOffset, length, target, position);
    }

    /// <summary>Has the disk begin to read a range of a tensor's bytes, for a read that follows.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="byteOffset">From the tensor's first byte.</param>
    /// <param name="length">How many bytes.</param>
    /// <exception cref="InvalidInputException">There is no such tensor.</exception>
    internal void ReadAhead(string name, long byteOffset, long length)
    {
        var file = shards.FileOf(name);
        file.ReadAhead(file[name], byteOffset, length);
    }

    /// <summary>The file that holds a tensor.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor.</exception>
    internal string PathOf(string name) => shards.FileOf(name).Path;

    /// <inheritdoc/>
    public void Dispose() => shards.Dispose();
}
