using System.Globalization;
using Bam.Checkpoints;
using Bam.Models.Costs;
using Bam.Torch;

namespace Bam.Training;

/// <summary>
/// Refuses a training that the processor's memory cannot hold, before anything is allocated. Only what every step reads and
/// writes is counted: values, gradients and AdamW's moments, four bytes each. Activations come on top; a step that needs more
/// with them is a warning.
/// </summary>
internal static class MemoryRule
{
    private const long Float = sizeof(float);

    /// <summary>Checks a model's sizes against the memory, in bytes, of which a process has its shard of the moments.</summary>
    /// <exception cref="InvalidInputException">Names the largest size, the bytes needed and those there.</exception>
    public static void Check(ModelConfig model, TrainingConfig config, long available, int shards = 1)
    {
        var all = ModelSize.Of(model).Total;
        if (4 * Float * all <= available) return;
        var needed = 2 * Float * (all + Trained(model, config.Settings) / shards);
        if (needed <= available) return;
        var (key, value) = ModelSizeRules.LargestSize(model);
        throw new InvalidInputException(
            $"{ModelSource.PlaceOf(config)}: {key}",
            $"a model whose training fits the {available} bytes of memory here",
            $"{value}, which makes it {all} parameters that need {needed} bytes with their gradients and moments",
            config.Model is null ? "lower it, or train on a machine with more memory" : "train on a machine with more memory");
    }

    /// <summary>
    /// Whether a step may need more than the memory although its numbers fit: with activations and working memory, which are
    /// counted for float32 with all parameters trained. Null if not, else a warning that names the keys that lower it.
    /// </summary>
    public static string? WarningOf(ModelConfig model, TrainingConfig config, long available, int processes = 1)
    {
        var settings = config.Settings;
        var microBatch = settings.BatchSize / settings.GradientAccumulation / processes;
        var isWhole = settings is { Freeze.Count: 0, TrainOnly.Count: 0, Dtype: TrainingDtype.Float32 };
        var costs = new CostSettings(settings.SequenceLength, microBatch, ScalarType.Float32)
        {
            ActivationCheckpointing = settings.ActivationCheckpointing,
        };
        var needed = TrainingMemory.Of(model, costs).Total;
        if (!isWhole || needed <= available) return null;
        var checkpointing = settings.ActivationCheckpointing ? "" : ", or set activation_checkpointing to true";
        return $"a step of micro-batches of {microBatch} × {settings.SequenceLength} tokens needs about {needed} bytes of "
            + $"memory, {available} are here; raise gradient_accumulation{checkpointing}";
    }

    private static long Trained(ModelConfig model, TrainingSettings settings)
    {
        var parameters = ParameterTable.Of(model).ToList();
        var names = NamePatterns.Trained([.. parameters.Select(parameter => parameter.Name)], settings);
        return parameters.Where(parameter => names.Contains(parameter.Name))
            .Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size));
    }
}

/// <summary>The most memory that a process can have: memory and swap space, or the limit of its control group.</summary>
internal static class MachineMemory
{
    private const string ControlGroups = "/sys/fs/cgroup";

    /// <summary>Bytes; null where the system does not say.</summary>
    public static long? Bytes()
    {
        try
        {
            var (memory, swap) = (Field("MemTotal"), Field("SwapTotal") ?? 0);
            return memory is null ? null : Limits().Append(memory.Value).Min() + swap;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static long? Field(string name) =>
        File.ReadLines("/proc/meminfo").FirstOrDefault(line => line.StartsWith($"{name}:", StringComparison.Ordinal)) is { } line
            ? long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024
            : null;

    // Of the process's own group and those around it (version 2), or of the container (version 1).
    private static IEnumerable<long> Limits()
    {
        var files = new List<string> { $"{ControlGroups}/memory/memory.limit_in_bytes" };
        var own = File.Exists("/proc/self/cgroup")
            ? File.ReadLines("/proc/self/cgroup").FirstOrDefault(line => line.StartsWith("0::", StringComparison.Ordinal))
            : null;
        for (var group = ControlGroups + own?[3..].TrimEnd('/');
            group.StartsWith(ControlGroups, StringComparison.Ordinal); group = Path.GetDirectoryName(group)!)
        {
            files.Add($"{group}/memory.max");
        }

        foreach (var file in files.Where(File.Exists))
        {
            if (long.TryParse(
                File.ReadAllText(file), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var limit))
            {
                yield return limit;
            }
        }
    }
}
