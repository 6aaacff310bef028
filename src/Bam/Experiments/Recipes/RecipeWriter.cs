using Bam.Configuration;
using Bam.Training;
using YamlDotNet.RepresentationModel;

namespace Bam.Experiments.Recipes;

/// <summary>Writes a recipe with every default filled in; what is written reads back as the same recipe.</summary>
public static class RecipeWriter
{
    /// <summary>The recipe as YAML. Models that are not trained have no training keys, those of a study no data seed: each unit has its own.</summary>
    public static string Write(Recipe recipe)
    {
        var root = (YamlMappingNode)ConfigWriter.Node(recipe)!;
        if (recipe.Seed.Checkpoint is not null) Untrained(root.Section("seed")!);
        foreach (var (name, _) in recipe.Experts.Where(expert => expert.Value.Checkpoint is not null)) Untrained(root.Section("experts")!.Section(name)!);
        foreach (var (name, _) in recipe.Mixtures.Where(mixture => !mixture.Value.IsTrained)) Untrained(root.Section("mixtures")!.Section(name)!);
        if (recipe.RandomSeeds.Count > 0)
            foreach (var section in Models(root)) section.Children.Remove(new YamlScalarNode("data_seed"));
        return ConfigWriter.Write(root);
    }

    private static IEnumerable<YamlMappingNode> Models(YamlMappingNode root) =>
        [root.Section("seed")!, .. Members(root, "experts"), .. Members(root, "mixtures")];

    private static IEnumerable<YamlMappingNode> Members(YamlMappingNode root, string group) =>
        root.Section(group)?.Children.Values.OfType<YamlMappingNode>() ?? [];

    private static void Untrained(YamlMappingNode section)
    {
        foreach (var key in ConfigKey.Of(typeof(TrainingSettings))) section.Children.Remove(new YamlScalarNode(key.Name));
        section.Children.Remove(new YamlScalarNode("general_share"));
    }
}
