namespace Bam.Cli;

/// <summary>The recipes that come with the command; the build puts them beside it.</summary>
internal static class ShippedRecipes
{
    /// <summary>The file of a recipe.</summary>
    /// <param name="name">Its folder.</param>
    /// <exception cref="InvalidInputException">The installation lacks it.</exception>
    public static string Find(string name)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "recipes", name, "recipe.yaml");
        return File.Exists(path) ? path : throw new InvalidInputException(path, $"the recipe of 'bam {name}'", "nothing", "install Bam again");
    }
}
