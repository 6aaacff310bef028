using Bam.Configuration;
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
        foreach (var (name, _) in recipe.Experts.Where(expert => expert.Value.Checkpoint is not null)) Untrained(root.Section("experts")!.Section(name)!);
        foreach (var (name, _) in recipe.Mixtures.Where(mixture => !mixture.Value.IsTrained)) Untrained(root.Section("mixtures")!.Section(name)!);
        foreach (var (name, _) in recipe.Mixtures.Where(mixture => mixture.Value.Shares is not null)) Remove(root.Section("mixtures")!.Section(name)!, "share_by");
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
