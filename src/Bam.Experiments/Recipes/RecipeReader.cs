using System.Globalization;
using Bam.Configuration;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Training;
using Bam.Training.Distributed;
using YamlDotNet.RepresentationModel;

namespace Bam.Experiments.Recipes;

/// <summary>
/// Reads <c>recipe.yaml</c>. Beside the keys of <see cref="Recipe"/> the file may hold <c>training</c>: training keys for every
/// phase that does not set them itself; and <c>extends</c>: a file in the same folder, whose keys are the defaults of this one.
/// By default, the peak learning rate of experts and mixtures is half of the trained seed's, and all phases draw their windows
/// with the recipe's random seed.
/// </summary>
internal static class RecipeReader
{
    private const string ExtendsKey = "extends";

    private static readonly string[] BudgetKeys = ["tokens", "steps", "match"];

    /// <summary>Reads and checks a recipe; nothing has been done if it fails.</summary>
    /// <exception cref="InvalidInputException">The file or what it names is not as it must be: one line "recipe.yaml:12:
    /// …".</exception>
    public static Recipe Read(string path) => Read(Load(path, []), path);

    /// <summary>Reads a recipe that <see cref="RecipeWriter"/> wrote; errors and relative paths refer to the path.</summary>
    /// <exception cref="InvalidInputException">The text is not a recipe, or what it names is not as it must be.</exception>
    public static Recipe Parse(string yaml, string path) => Read(YamlReader.Read(yaml, path), path);

    private static Recipe Read(YamlMappingNode written, string path)
    {
        var recipe = ConfigFile.Bind<Recipe>(WithDefaults(written, path), path);
        var rules = new RecipeRules(recipe, written, path);
        rules.Check();
        return WithPaths(recipe with { PlacesOfGivenFiles = rules.PlacesOfGivenFiles() }, Path.GetFullPath(path));
    }

    /// <summary>The file's mapping, those that it extends merged in.</summary>
    private static YamlMappingNode Load(string path, IReadOnlyList<string> extending)
    {
        var written = ConfigFile.Load(path);
        NodeOrigins.Remember(written, path);
        if (!written.Has(ExtendsKey)) return written;
        var section = new SectionLocation(path, written);
        if (written.Scalar(ExtendsKey) is not { Length: > 0 } name || name != Path.GetFileName(name))
        {
            throw section.Fault(
                ExtendsKey, $"key '{ExtendsKey}': expected the name of a file in the same folder, as 'base.yaml'");
        }

        if (extending.Contains(name))
        {
            var circle = string.Join(" → ", [.. extending, name]);
            throw section.Fault(ExtendsKey, $"key '{ExtendsKey}': the files extend each other in a circle ({circle})");
        }

        var below = Load(Path.Combine(Path.GetDirectoryName(path)!, name), [.. extending, Path.GetFileName(path)]);
        var own = new YamlMappingNode(written.Where(pair => !Equals(pair.Key, new YamlScalarNode(ExtendsKey))));
        return ConfigFile.Merge(below, own);
    }

    private static string NameOf(string path) => Path.GetFileName(path) == "recipe.yaml"
        ? Path.GetFileName(Path.GetDirectoryName(path)!)
        : Path.GetFileNameWithoutExtension(path);

    private static Recipe WithPaths(Recipe recipe, string path)
    {
        var folder = Path.GetDirectoryName(path)!;
        recipe = recipe with { Folder = folder, Name = recipe.Name.Length == 0 ? NameOf(path) : recipe.Name };
        // Files that a script makes are relative to its output.
        recipe = recipe.Prepare is null
            ? recipe with { Domains = recipe.Domains.ToDictionary(pair => pair.Key, pair => WithFiles(pair.Value)) }
            : recipe with { PrepareReads = Absolute(recipe.PrepareReads) };
        recipe = recipe with { Tasks = recipe.Tasks.ToDictionary(pair => pair.Key, pair => WithTaskFile(pair.Value)) };
        return recipe.ProbePrepare is null
            ? recipe with { Probes = recipe.Probes.ToDictionary(pair => pair.Key, pair => WithProbeFiles(pair.Value)) }
            : recipe with { ProbePrepareReads = Absolute(recipe.ProbePrepareReads) };

        RecipeDomain WithFiles(RecipeDomain domain) => domain with { Files = Absolute(domain.Files) };

        RecipeProbe WithProbeFiles(RecipeProbe probe) =>
            probe with { Files = probe.Files is null ? null : Absolute(probe.Files) };

        RecipeTask WithTaskFile(RecipeTask task) => task.Task is { } name && TaskLibrary.IsFile(name)
            ? task with { Task = Path.GetFullPath(name, folder) }
            : task;

        IReadOnlyList<string> Absolute(IReadOnlyList<string> patterns) =>
            [.. patterns.Select(pattern => Path.GetFullPath(pattern, folder))];
    }

    /// <summary>The file's mapping with the training keys of every phase written out.</summary>
    private static YamlMappingNode WithDefaults(YamlMappingNode written, string file)
    {
        var common = CommonTraining.Of(written, file);
        if (!common.Has("data_seed") && written.Scalar("random_seed") is { } seed) common = common.With("data_seed", seed);
        var others = common;
        if (written.Section("seed") is { } seedSection && !seedSection.Has("checkpoint")
            && Half(seedSection.Scalar("learning_rate") ?? common.Scalar("learning_rate")) is { } half)
            others = common.With("learning_rate", half);

        var root = new YamlMappingNode();
        foreach (var (key, value) in written)
        {
            switch ((key as YamlScalarNode)?.Value)
            {
                case CommonTraining.Key:
                    break;
                case "seed":
                    root.Add(key, Phase(value, common));
                    break;
                case "experts" or "mixtures" when value is YamlMappingNode sections:
                    root.Add(key, new YamlMappingNode(sections.Select(s => KeyValuePair.Create(s.Key, Phase(s.Value, others)))));
                    break;
                default:
                    root.Add(key, value);
                    break;
            }
        }

        return root;
    }

    private static YamlNode Phase(YamlNode node, YamlMappingNode defaults)
    {
        if (node is not YamlMappingNode section) return node;
        // Checkpoints and mixtures that are only mixed are not trained, and need no rate.
        var isTrained = !section.Has("checkpoint") && BudgetKeys.Any(section.Has);
        if (!isTrained && !defaults.Has("learning_rate")) defaults = defaults.With("learning_rate", "1");
        return ConfigFile.Merge(defaults, section);
    }

    private static string? Half(string? rate) =>
        double.TryParse(rate, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? (value / 2).ToString("R", CultureInfo.InvariantCulture)
            : null;
}

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
            {
                throw new SectionLocation(file, section).Fault(
                    budget,
                    $"key '{Key}.{budget}': a budget belongs to one phase; move it to the seed, the experts and the mixtures");
            }

        var common = ConfigFile.Bind<CommonTraining>(
            section.Has("learning_rate") ? section : section.With("learning_rate", "1"), file);
        return KeyOfProcesses(common.Settings) is { } key
            ? throw new SectionLocation(file, section).Fault(key, HasNoEffect($"{Key}.{key}"))
            : section;
    }

    /// <summary>The first key that is set and concerns trainings by several processes; null for none.</summary>
    public static string? KeyOfProcesses(TrainingSettings settings) =>
        settings.Parallel is not null ? "parallel"
        : settings.ShardOptimizer ? "shard_optimizer"
        : settings.LoadBalancingOver != LoadBalancingScope.Batch ? "load_balancing_over"
        : null;

    /// <summary>The message about such a key.</summary>
    public static string HasNoEffect(string key) =>
        $"key '{key}' has no effect in a recipe, which trains each model in one process; remove it, or train by 'bam train'";
}
