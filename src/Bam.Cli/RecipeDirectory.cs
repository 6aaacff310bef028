namespace Bam.Cli;

/// <summary>The recipes that come with Bam: in the clone that it was built in, or beside an installed one.</summary>
internal static class RecipeDirectory
{
    /// <summary>The directory of a recipe that Bam brings.</summary>
    /// <param name="name">The name of its folder under <c>recipes/</c>.</param>
    /// <exception cref="WorkFailedException">This copy of Bam has no such recipe.</exception>
    public static string Find(string name)
    {
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            var candidate = Path.Combine(directory, "recipes", name);
            if (Directory.Exists(candidate)) return candidate;
        }

        throw new WorkFailedException($"no recipes/{name} in or above {AppContext.BaseDirectory}; build Bam again with ./bam setup or ./bam install");
    }
}
