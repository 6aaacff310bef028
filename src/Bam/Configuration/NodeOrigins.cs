using System.Runtime.CompilerServices;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>Remembers which file a node was read from, where one file's keys are merged into another's.</summary>
internal static class NodeOrigins
{
    private static readonly ConditionalWeakTable<YamlNode, string> Files = [];

    /// <summary>Says that a mapping and all below it come from a file.</summary>
    public static void Remember(YamlMappingNode root, string file)
    {
        foreach (var node in root.AllNodes) Files.AddOrUpdate(node, file);
    }

    /// <summary>The file that the node was read from; null when nobody said.</summary>
    public static string? FileOf(YamlNode node) => Files.TryGetValue(node, out var file) ? file : null;
}
