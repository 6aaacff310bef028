using System.Text.Json.Nodes;
using Bam.Configuration;

namespace Bam.Experiments.Phases;

/// <summary>Sections of a recipe as a phase's settings: the keys that change results, defaults included.</summary>
internal static class SettingsJson
{
    /// <summary>The section as JSON.</summary>
    public static JsonObject Of(object section) => (JsonObject)YamlJson.Of(ConfigWriter.Node(section, onlyWhatChangesResults: true)!);
}
