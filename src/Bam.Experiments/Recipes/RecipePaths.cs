namespace Bam.Experiments.Recipes;

/// <summary>Paths as the recipe's folder sees them, so that a written recipe speaks of no machine.</summary>
internal static class RecipePaths
{
    /// <summary>The recipe with every path relative to its folder.</summary>
    public static Recipe Relative(Recipe recipe)
    {
        return recipe with
        {
            Results = Of(recipe.Results),
            Prepare = Of(recipe.Prepare),
            PrepareReads = [.. recipe.PrepareReads.Select(pattern => Of(pattern)!)],
            ProbePrepare = Of(recipe.ProbePrepare),
            ProbePrepareReads = [.. recipe.ProbePrepareReads.Select(pattern => Of(pattern)!)],
            Probes = recipe.Probes.ToDictionary(probe => probe.Key, probe => probe.Value with { Files = probe.Value.Files is { } files ? [.. files.Select(file => Of(file)!)] : null }),
            Domains = recipe.Domains.ToDictionary(domain => domain.Key, domain => domain.Value with { Files = [.. domain.Value.Files.Select(file => Of(file)!)] }),
            Tokenizer = recipe.Tokenizer with { Path = Of(recipe.Tokenizer.Path) },
            Seed = recipe.Seed with { Checkpoint = Of(recipe.Seed.Checkpoint) },
            Experts = recipe.Experts.ToDictionary(expert => expert.Key, expert => expert.Value with { Checkpoint = Of(expert.Value.Checkpoint) }),
        };

        string? Of(string? path) => path is not null && Path.IsPathRooted(path) ? Path.GetRelativePath(recipe.Folder, path) : path;
    }
}
