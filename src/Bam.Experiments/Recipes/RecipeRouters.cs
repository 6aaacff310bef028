namespace Bam.Experiments.Recipes;

/// <summary>What routers start from.</summary>
internal enum RouterStart
{
    /// <summary>Calibrated by the seed on the domains' text, in mixtures whose models have a domain of their own each.</summary>
    Calibrated,

    /// <summary>Random numbers, as in the papers of BTX and BAM.</summary>
    Random,
}

/// <summary>Which routers of a recipe are calibrated, and on how many tokens (decision 0152).</summary>
internal static class RecipeRouters
{
    /// <summary>The tokens of each domain where a recipe names no number: enough by the measurement of decision 0104.</summary>
    private const int UsualTokens = 16_384;

    /// <summary>
    /// The most tokens of each model's domain on which a mixture's routers are calibrated; null for random routers.
    /// </summary>
    public static int? TokensOf(Recipe recipe, RecipeMixture mixture)
    {
        if (mixture.RouterTokens is { } tokens) return tokens;
        // RecipeRules refuses what was asked for and is impossible.
        if (mixture.Routers is { } start) return start == RouterStart.Calibrated ? UsualTokens : null;
        return recipe.Routers == RouterStart.Calibrated && CanBeCalibrated(recipe, mixture) ? UsualTokens : null;
    }

    private static bool CanBeCalibrated(Recipe recipe, RecipeMixture mixture)
    {
        var members = mixture.MembersIn(recipe);
        if (mixture.Method is not (MixtureMethod.Bam or MixtureMethod.Btx)) return false;
        if (mixture.Experts is { } experts && experts > members.Count + 1) return false;
        var domains = members.Where(recipe.Experts.ContainsKey)
            .Select(member => recipe.Experts[member].DomainOf(member))
            .Prepend(recipe.GeneralDomain)
            .ToList();
        return domains.All(recipe.Domains.ContainsKey) && domains.Distinct().Count() == members.Count + 1;
    }
}
