using Bam.Configuration;
using Bam.Training;
using YamlDotNet.RepresentationModel;

namespace Bam.Experiments.Recipes;

/// <summary>A recipe's <c>training</c>: keys for every phase that does not set them itself.</summary>
internal sealed record CommonTraining
{
    /// <summary>The key in the recipe.</summary>
    public const string Key = "training";

    /// <summary>The keys.</summary>
    [Flattened]
    public TrainingSettings Settings { get; init; } = new() { LearningRate = 1 };

    /// <summary>The section as it is written, checked by itself, so that a fault is found even when no phase uses it.</summary>
    /// <exception cref="InvalidInputException">A key is unknown, has a wrong value, or is a budget.</exception>
    public static YamlMappingNode Of(YamlMappingNode recipe, string file)
    {
        if (!recipe.Children.TryGetValue(new YamlScalarNode(Key), out var node)) return [];
        var section = node as YamlMappingNode
            ?? throw new InvalidInputException($"{SectionLocation.At(file, node)}: key '{Key}': expected keys and values");
        foreach (var budget in new[] { "tokens", "steps" })
            if (section.Has(budget))
                throw new SectionLocation(file, section).Fault(
                    budget, $"key '{Key}.{budget}': a budget belongs to one phase; move it to the seed, the experts and the mixtures");
        ConfigFile.Bind<CommonTraining>(section.Has("learning_rate") ? section : section.With("learning_rate", "1"), file);
        return section;
    }
}
