using System.Globalization;

namespace Bam.Checkpoints.Families;

/// <summary>Names of modules with {layer} and {expert} in place of numbers.</summary>
internal static class ModuleNames
{
    private const string Layer = "{layer}", Expert = "{expert}";

    /// <summary>A parameter's module, without numbers, and "weight" or "bias".</summary>
    public static (string Module, string Suffix) Of(ParameterInfo parameter)
    {
        var dot = parameter.Name.LastIndexOf('.');
        var module = parameter.Name[..dot]
            .Replace($".layers.{parameter.Layer}.", $".layers.{Layer}.", StringComparison.Ordinal)
            .Replace($".experts.{parameter.Expert}.", $".experts.{Expert}.", StringComparison.Ordinal);
        return (module, parameter.Name[(dot + 1)..]);
    }

    /// <summary>A name with a parameter's numbers.</summary>
    public static string Fill(string name, ParameterInfo parameter) => name
        .Replace(Layer, parameter.Layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace(Expert, parameter.Expert.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
}
