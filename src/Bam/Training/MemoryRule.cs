using Bam.Checkpoints;
using Bam.Models;

namespace Bam.Training;

/// <summary>
/// Refuses a training that the processor's memory cannot hold, before anything is allocated. Only what every step reads and writes is
/// counted: values, gradients and AdamW's moments, four bytes each. Activations come on top.
/// </summary>
internal static class MemoryRule
{
    private const long Float = sizeof(float);

    /// <summary>Checks a model's sizes.</summary>
    /// <param name="model">The sizes.</param>
    /// <param name="config">What is trained of it, and where its sizes stand.</param>
    /// <param name="available">The memory, in bytes.</param>
    /// <exception cref="InvalidInputException">Names the largest size, the bytes needed and those there.</exception>
    public static void Check(ModelConfig model, TrainingConfig config, long available)
    {
        var all = ModelSize.Of(model).Total;
        if (4 * Float * all <= available) return;
        var needed = 2 * Float * (all + Trained(model, config.Settings));
        if (needed <= available) return;
        var (key, value) = ModelSizeRules.LargestSize(model);
        throw new InvalidInputException(
            $"{ModelSource.PlaceOf(config)}: {key}",
            $"a model whose training fits the {available} bytes of memory here",
            $"{value}, which makes it {all} parameters that need {needed} bytes with their gradients and moments",
            config.Model is null ? "lower it, or train on a machine with more memory" : "train on a machine with more memory");
    }

    private static long Trained(ModelConfig model, TrainingSettings settings)
    {
        var parameters = ParameterTable.Of(model).ToList();
        var names = NamePatterns.Trained([.. parameters.Select(parameter => parameter.Name)], settings);
        return parameters.Where(parameter => names.Contains(parameter.Name)).Sum(parameter => parameter.Shape.Aggregate(1L, (product, size) => product * size));
    }
}
