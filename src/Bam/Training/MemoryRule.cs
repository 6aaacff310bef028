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

    /// <summary>
    /// Checks a model's sizes against the machine's memory, in bytes, which <paramref name="local"/> processes share. Each has a
    /// shard of the moments, and its share of the experts.
    /// </summary>
    /// <exception cref="InvalidInputException">Names the largest size, the bytes needed and those there.</exception>
    public static void Check(
        ModelConfig model, TrainingConfig config, long available, int shards = 1, int ranks = 1, int local = 1)
    {
        var all = Count(ParameterTable.Of(model), ranks);
        var share = available / local;
        if (4 * Float * all <= share) return;
        var needed = 2 * Float * (all + Trained(model, config.Settings, ranks) / shards);
        if (needed <= share) return;
        var (key, value) = ModelSizeRules.LargestSize(model);
        var (sharing, each, fewer) = local == 1 ? ("", "", "")
            : ($", which {local} processes share", " in each process", "start fewer processes here, or ");
        throw new InvalidInputException(
            $"{ModelSource.PlaceOf(config)}: {key}",
            $"a model whose training fits the {available} bytes of memory here{sharing}",
            $"{value}, which makes it {all} parameters that need {needed} bytes with their gradients and moments{each}",
            $"{(config.Model is null ? "lower it, or " : "")}{fewer}train on a machine with more memory");
    }

    /// <summary>
    /// Whether a step may need more than the memory although its numbers fit: with activations and working memory, which are
    /// counted for float32 with all parameters trained. Null if not, else a warning that names the keys that lower it.
    /// </summary>
    public static string? WarningOf(ModelConfig model, TrainingConfig config, long available, int processes = 1, int local = 1)
    {
        var settings = config.Settings;
        var microBatch = settings.BatchSize / settings.GradientAccumulation / processes;
        var isWhole = settings is { Freeze.Count: 0, TrainOnly.Count: 0, Dtype: TrainingDtype.Float32 };
        var costs = new CostSettings(settings.SequenceLength, microBatch, ScalarType.Float32)
        {
            ActivationCheckpointing = settings.ActivationCheckpointing,
        };
        var needed = TrainingMemory.Of(model, costs).Total;
        if (!isWhole || needed <= available / local) return null;
        var checkpointing = settings.ActivationCheckpointing ? "" : ", or set activation_checkpointing to true";
        var each = local > 1 ? $" in each of {local} processes" : "";
        return $"a step of micro-batches of {microBatch} × {settings.SequenceLength} tokens needs about {needed} bytes of "
            + $"memory{each}, {available} are here; raise gradient_accumulation{checkpointing}";
    }

    private static long Trained(ModelConfig model, TrainingSettings settings, int ranks)
    {
        var parameters = ParameterTable.Of(model).ToList();
        var names = NamePatterns.Trained([.. parameters.Select(parameter => parameter.Name)], settings);
        return Count(parameters.Where(parameter => names.Contains(parameter.Name)), ranks);
    }

    // What one of the ranks that share the experts has.
    private static long Count(IEnumerable<ParameterInfo> parameters, int ranks)
    {
        var counts = parameters.ToLookup(parameter => parameter.Expert >= 0, parameter => parameter.Count);
        return counts[false].Sum() + counts[true].Sum() / ranks;
    }
}
