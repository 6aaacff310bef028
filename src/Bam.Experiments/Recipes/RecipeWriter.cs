using Bam.Configuration;
using Bam.Files;
using Bam.Training;
using YamlDotNet.RepresentationModel;

namespace Bam.Experiments.Recipes;

/// <summary>Writes a recipe with every default filled in; what is written reads back as the same recipe.</summary>
internal static class RecipeWriter
{
    /// <summary>
    /// The recipe as YAML. What is not trained has no training keys, and a mixture with shares no way of finding them; models of
    /// a study have no data seed: each unit has its own.
    /// </summary>
    public static string Write(Recipe recipe)
    {
        var root = (YamlMappingNode)ConfigWriter.Node(recipe)!;
        if (recipe.Seed.Checkpoint is not null) Untrained(root.Section("seed")!);
        foreach (var (name, expert) in recipe.Experts)
            if (expert.Checkpoint is not null) Untrained(root.Section("experts")!.Section(name)!);
        foreach (var (name, mixture) in recipe.Mixtures)
        {
            var section = root.Section("mixtures")!.Section(name)!;
            if (!mixture.IsTrained) Untrained(section);
            if (mixture.Shares is not null) Remove(section, "share_by");
        }

        if (recipe.Tokenizer.Path is not null) Remove(root.Section("tokenizer")!, RecipeTokenizer.TrainingKeys);
        else if (recipe.Seed.Checkpoint is not null) Remove(root, "tokenizer");
        if (recipe.RandomSeeds.Count > 0)
            foreach (var section in Models(root)) Remove(section, "data_seed");
        return ConfigWriter.Write(root);
    }

    private static IEnumerable<YamlMappingNode> Models(YamlMappingNode root) =>
        [root.Section("seed")!, .. Members(root, "experts"), .. Members(root, "mixtures")];

    private static IEnumerable<YamlMappingNode> Members(YamlMappingNode root, string group) =>
        root.Section(group)?.Children.Values.OfType<YamlMappingNode>() ?? [];

    private static void Untrained(YamlMappingNode section) =>
        Remove(section, [.. ConfigKey.Of(typeof(TrainingSettings)).Select(key => key.Name), "general_share"]);

    private static void Remove(YamlMappingNode section, params string[] keys)
    {
        foreach (var key in keys) section.Children.Remove(new YamlScalarNode(key));
    }
}

/// <summary>Paths relative to the recipe's folder, so that a written recipe is the same on every machine.</summary>
internal static class RecipePaths
{
    /// <summary>The recipe with every path relative to its folder.</summary>
    public static Recipe Relative(Recipe recipe)
    {
        return recipe with
        {
            Results = Of(recipe.Results),
            Prepare = Of(recipe.Prepare),
            PrepareReads = AllOf(recipe.PrepareReads),
            ProbePrepare = Of(recipe.ProbePrepare),
            ProbePrepareReads = AllOf(recipe.ProbePrepareReads),
            Probes = recipe.Probes.ToDictionary(
                pair => pair.Key, pair => pair.Value with { Files = pair.Value.Files is { } files ? AllOf(files) : null }),
            Domains = recipe.Domains.ToDictionary(pair => pair.Key, pair => pair.Value with { Files = AllOf(pair.Value.Files) }),
            Tokenizer = recipe.Tokenizer with { Path = Of(recipe.Tokenizer.Path) },
            Tasks = recipe.Tasks.ToDictionary(
                pair => pair.Key,
                pair => pair.Value with
                {
                    Task = Of(pair.Value.Task), File = Of(pair.Value.File)!, Examples = Of(pair.Value.Examples),
                }),
            Seed = recipe.Seed with { Checkpoint = OfModel(recipe.Seed.Checkpoint) },
            Experts = recipe.Experts.ToDictionary(
                pair => pair.Key, pair => pair.Value with { Checkpoint = OfModel(pair.Value.Checkpoint) }),
        };

        string? Of(string? path) =>
            path is not null && Path.IsPathRooted(path) ? Path.GetRelativePath(recipe.Folder, path) : path;

        string? OfModel(string? model) => model is null ? null : ModelPath.Of(model).Select(part => Of(part)!).ToString();

        IReadOnlyList<string> AllOf(IReadOnlyList<string> patterns) => [.. patterns.Select(pattern => Of(pattern)!)];
    }
}
