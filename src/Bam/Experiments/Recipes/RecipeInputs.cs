using Bam.Data.Text;

namespace Bam.Experiments.Recipes;

/// <summary>The files and directories that a recipe reads, beside its own file.</summary>
internal static class RecipeInputs
{
    /// <summary>Those that are named, and the files of patterns; what scripts make is none.</summary>
    public static IEnumerable<string> Of(Recipe recipe)
    {
        IEnumerable<string?> named =
        [
            recipe.Prepare, recipe.ProbePrepare, recipe.Tokenizer.Path, recipe.Seed.Checkpoint, .. recipe.Experts.Values.Select(expert => expert.Checkpoint),
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
        if (!text.AsSpan().ContainsAny('*', '?')) return [text];
        try
        {
            return InputFiles.Resolve([text]);
        }
        catch (InvalidInputException)
        {
            // A pattern without files is refused where its files are needed.
            return [];
        }
    }
}
