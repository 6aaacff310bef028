using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>One tensor of a mixture and how it comes about.</summary>
/// <param name="Parameter">The output's parameter.</param>
/// <param name="Recipe">Where its numbers come from.</param>
internal sealed record PlannedTensor(ParameterInfo Parameter, TensorRecipe Recipe)
{
    /// <summary>The name under which it is written.</summary>
    public string StoredName { get; init; } = Parameter.Name;
}
