using Bam.Experiments.Findings;
using Bam.Experiments.Recipes;

namespace Bam.Experiments.Reporting;

/// <summary>The figures that a recipe's tables quote from the paper.</summary>
internal static class PaperFigures
{
    /// <summary>The figure that a table quotes; NaN when it quotes none.</summary>
    public static double Of(RecipeTable table, string model, ModelFigure figure) =>
        table.Paper.GetValueOrDefault(model)?.GetValueOrDefault(figure.Title, double.NaN) ?? double.NaN;

    /// <summary>By how much one model differs from another in the first table that quotes both; NaN when none does.</summary>
    public static double Change(Recipe recipe, string model, string against, ModelFigure figure) => recipe.Tables
        .Select(table => (Of(table, model, figure) / Of(table, against, figure)) - 1)
        .FirstOrDefault(double.IsFinite, double.NaN);
}
