using Bam.Checkpoints;

namespace Bam.Models.Costs;

/// <summary>A figure that the paper prints, and ours beside it.</summary>
/// <param name="Model">A name of <see cref="PaperFamily"/>.</param>
/// <param name="Quantity">What it counts.</param>
/// <param name="Source">The table, as "Table 9".</param>
/// <param name="Paper">The paper's figure.</param>
/// <param name="Ours">What we count.</param>
/// <param name="Explanation">Why they differ; null when they do not.</param>
internal sealed record PaperFigure(string Model, PaperQuantity Quantity, string Source, long Paper, long Ours, string? Explanation)
{
    /// <summary>The paper's minus ours.</summary>
    public long Difference => Paper - Ours;

    internal static long Count(ModelConfig config, PaperQuantity quantity) => quantity switch
    {
        PaperQuantity.Parameters => ModelSize.Of(config).Total,
        PaperQuantity.ActiveParameters => ModelSize.Of(config).Active,
        PaperQuantity.AttentionFlops => LayerFlops.Inference(config, PaperFigures.Context).Attention,
        _ => LayerFlops.Inference(config, PaperFigures.Context).Total,
    };
}
