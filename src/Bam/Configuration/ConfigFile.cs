using Bam.Files;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>YAML files as validated records: the record's <see cref="KeyAttribute"/>s say what the file may hold.</summary>
internal static class ConfigFile
{
    /// <summary>Reads a file as a record.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not YAML, or breaks a rule: one line "file:line: …".</exception>
    public static T Read<T>(string path) where T : class => Bind<T>(Load(path), path);

    /// <summary>Reads text as a record.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">The name for faults, and the place from which relative paths are taken.</param>
    /// <exception cref="InvalidInputException">The text is not YAML or breaks a rule.</exception>
    public static T Parse<T>(string yaml, string file) where T : class => Bind<T>(YamlReader.Read(yaml, file), file);

    /// <summary>Reads a file's mapping without looking at its keys, for callers that merge sections before they bind them.</summary>
    /// <exception cref="InvalidInputException">The file is missing, is not UTF-8, is not YAML or holds no mapping.</exception>
    public static YamlMappingNode Load(string path)
    {
        if (Directory.Exists(path)) throw new InvalidInputException(path, "a YAML file", "a directory", "name the file inside it");
        if (!File.Exists(path)) throw new InvalidInputException(path, "a YAML file", "nothing", "check the path");
        return YamlReader.Read(InputFile.ReadAllText(path, "check the path", YamlEvents.MostText), path);
    }

    /// <summary>
    /// Two mappings as one: keys of <paramref name="overrides"/> win, mappings inside mappings are merged, everything else is replaced.
    /// Each node keeps its own line.
    /// </summary>
    public static YamlMappingNode Merge(YamlMappingNode defaults, YamlMappingNode overrides)
    {
        // Overrides first: a merged mapping is said to stand where its first key stands.
        var merged = new YamlMappingNode();
        foreach (var (key, value) in overrides)
        {
            var below = defaults.Children.TryGetValue(key, out var found) ? found as YamlMappingNode : null;
            merged.Add(key, below is not null && value is YamlMappingNode above ? Merge(below, above) : value);
        }

        foreach (var (key, value) in defaults)
            if (!overrides.Children.ContainsKey(key)) merged.Add(key, value);
        return merged;
    }

    /// <summary>Validates a node and makes it a record.</summary>
    /// <param name="node">The section.</param>
    /// <param name="file">The file it comes from, for faults and for relative paths.</param>
    /// <exception cref="InvalidInputException">A key is unknown, missing or holds what it may not: one line "file:line: …".</exception>
    public static T Bind<T>(YamlNode node, string file) where T : class => (T)new ConfigBinder(file).Section(typeof(T), node, "");
}
