using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Bam.Checkpoints;
using Bam.Checkpoints.Adapters;
using Bam.Checkpoints.Opening;
using Bam.Checkpoints.Safetensors;
using Bam.Configuration;
using Bam.Files;
using Bam.Models;

namespace Bam.Training;

/// <summary>Where a run's model comes from: a checkpoint, or sizes and a seed.</summary>
internal static class ModelSource
{
    private const string SizesHint = "expected a config.json";

    /// <summary>
    /// The configuration of the model to train, with the run's weights of the router losses. A resumed run reads it from
    /// its own models, so that the start may be deleted.
    /// </summary>
    /// <exception cref="InvalidInputException">The checkpoint, the path or the sizes are wrong.</exception>
    public static ModelConfig ConfigOf(TrainingConfig config, IReporter reporter)
    {
        var model = StartOf(config) is { } start && !ModelPath.Exists(start) && OwnConfigOf(config.Output) is { } own ? own
            : config.Model is { } directory ? ModelConfigReader.Load(directory, reporter)
            : Inline(config.Config!, reporter);
        return model with
        {
            RouterAuxLossCoef = config.Settings.RouterAuxLossCoef ?? model.RouterAuxLossCoef,
            RouterZLossCoef = config.Settings.RouterZLossCoef ?? model.RouterZLossCoef,
        };
    }

    /// <summary>
    /// SHA-256 over the configuration and the files of the weights of the starting checkpoint and of its adapters, or of the file
    /// of a new model's sizes; null for sizes that the training's own configuration holds, and for a deleted start.
    /// </summary>
    public static string? HashOf(TrainingConfig config)
    {
        if (StartOf(config) is not { } start || !ModelPath.Exists(start)) return null;
        return config.Model is { } directory
            ? HashOf(directory)
            : Convert.ToHexStringLower(SHA256.HashData(InputFile.ReadAllBytes(start, SizesHint)));
    }

    /// <summary>The place of the sizes, for messages.</summary>
    internal static string PlaceOf(TrainingConfig config) =>
        StartOf(config) is not { } start ? config.Config!.Where
            : config.Model is null ? start : Path.Combine(ModelPath.Of(start).Base, ModelConfig.FileName);

    // Of the newest of the run's models whose configuration is not damaged.
    private static ModelConfig? OwnConfigOf(string run)
    {
        InvalidInputException? damage = null;
        foreach (var model in RunDirectory.ModelsIn(run))
        {
            try
            {
                return ModelConfigReader.Load(model, SilentReporter.Instance);
            }
            catch (InvalidInputException e)
            {
                damage ??= e;
            }
        }

        return damage is null ? null : throw damage;
    }

    // Files called model*.safetensors count even where they are not read: the identities of runs that Bam began before hold them.
    private static string HashOf(string model)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (directory, adapters) = ModelPath.Of(model);
        var weights = WeightSet.FindAll(directory, SilentReporter.Instance)[0];
        var names = Directory.GetFiles(directory, "model*.safetensors").Select(path => Path.GetFileName(path)!)
            .Union(weights.Files).Append(weights.DecidingIndex).Append(ModelConfig.FileName).OfType<string>();
        foreach (var name in names.Where(name => File.Exists(Path.Combine(directory, name))).Order(StringComparer.Ordinal))
            Append(directory, name);
        foreach (var adapter in adapters)
        {
            foreach (var name in AdapterFolding.FileNames) Append(adapter, name);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Append(string folder, string name)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(name));
            using var stream = InputFile.OpenRead(Path.Combine(folder, name), "it was there a moment ago");
            hash.AppendData(SHA256.HashData(stream));
        }
    }

    // The checkpoint or the file that the training's configuration names.
    private static string? StartOf(TrainingConfig config) =>
        config.Model ?? (config.Config is { Scalar: { } name } && name.Contains('/') ? name : null);

    private static ModelConfig Inline(InlineValue value, IReporter reporter)
    {
        var where = $"{value.Where}: key 'config'";
        if (value.Scalar is not { } name)
            return JsonNode.Parse(value.Json) is JsonObject keys
                ? Parse(keys, where, reporter)
                : throw new InvalidInputException(where, "the keys of config.json", "a list", "write 'key: value' lines");
        return name.Contains('/')
            ? ModelConfigReader.Parse(InputFile.ReadAllText(name, SizesHint), name, reporter)
            : ModelPresets.Named(name, where);
    }

    private static ModelConfig Parse(JsonObject keys, string where, IReporter reporter)
    {
        var sizes = ModelPresets.Expand(keys, where);
        sizes.TryAdd("model_type", "bam");
        return ModelConfigReader.Parse(sizes.ToJsonString(), where, reporter);
    }
}
