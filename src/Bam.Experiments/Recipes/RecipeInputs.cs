using Bam.Data.Text;

namespace Bam.Experiments.Recipes;

/// <summary>The files and directories that a recipe reads, beside its own file.</summary>
internal static class RecipeInputs
{
    /// <summary>Those that are named, and the files of folders and patterns; what scripts make is none.</summary>
    public static IEnumerable<string> Of(Recipe recipe)
    {
        IEnumerable<string?> named =
        [
            recipe.Prepare, recipe.ProbePrepare, recipe.Model?.Scalar is { } sizes && sizes.Contains('/') ? sizes : null, recipe.Tokenizer.Path, recipe.Seed.Checkpoint, .. recipe.Experts.Values.Select(expert => expert.Checkpoint),
        ];
        IEnumerable<string> texts =
        [
            .. recipe.PrepareReads, .. recipe.ProbePrepareReads,
            .. recipe.Prepare is null ? recipe.Domains.Values.SelectMany(domain => domain.Files) : [],
            .. recipe.ProbePrepare is null ? recipe.Probes.Values.SelectMany(probe => probe.Files ?? []) : [],
        ];
        return [.. named.OfType<string>(), .. texts.SelectMany(FilesOf)];
    }

    private static IReadOnlyList<string> FilesOf(string text)
    {
        try
        {
            return [text, .. InputFiles.Resolve([text])];
        }
        catch (InvalidInputException)
        {
            // What has no files is refused where they are needed.
            return [text];
        }
    }
}
