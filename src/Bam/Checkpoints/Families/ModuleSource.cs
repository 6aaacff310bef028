using System.Globalization;
using System.Runtime.CompilerServices;

namespace Bam.Checkpoints.Families;

/// <summary>Where a family stores one of Bam's modules (a matrix or norm, with its bias).</summary>
internal abstract record ModuleSource
{
    private ModuleSource() { }

    /// <summary>Where a parameter of the module lies; the suffix is ".weight" or ".bias".</summary>
    public abstract TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config);

    /// <summary>A module of its own.</summary>
    /// <param name="Name">Its name, with {layer} and {expert}.</param>
    public sealed record Module(string Name) : ModuleSource
    {
        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config) =>
            TensorSource.Whole(ModuleNames.Fill(Name, parameter, suffix), parameter);
    }

    /// <summary>A part of a module whose rows alternate by head: head 0's queries, keys, values, head 1's …</summary>
    /// <param name="Name">The module's name, with {layer}.</param>
    /// <param name="Part">Which part.</param>
    /// <param name="Parts">Of how many.</param>
    public sealed record PartOfHeads(string Name, int Part, int Parts) : ModuleSource
    {
        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config)
        {
            var stretch = config.HeadDim * parameter.Count / parameter.Shape[0];
            return new(
                ModuleNames.Fill(Name, parameter, suffix), [Parts * parameter.Shape[0], .. parameter.Shape[1..]],
                Part * stretch, stretch, Parts * stretch);
        }
    }

    /// <summary>Some rows of a module.</summary>
    /// <param name="Name">The module's name, with {layer}.</param>
    /// <param name="First">The first of these rows.</param>
    /// <param name="Total">All rows of the module.</param>
    public sealed record Rows(string Name, Func<ModelConfig, long> First, Func<ModelConfig, long> Total) : ModuleSource
    {
        /// <summary>The queries of a module that has all queries, then all keys, then all values.</summary>
        public static Rows OfQueries(string name) => new(name, _ => 0, All);

        /// <summary>The keys of such a module.</summary>
        public static Rows OfKeys(string name) => new(name, Queries, All);

        /// <summary>The values of such a module.</summary>
        public static Rows OfValues(string name) => new(name, config => Queries(config) + Keys(config), All);

        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config)
        {
            var columns = parameter.Count / parameter.Shape[0];
            return new(
                ModuleNames.Fill(Name, parameter, suffix), [Total(config), .. parameter.Shape[1..]],
                First(config) * columns, parameter.Count, parameter.Count);
        }

        private static long Queries(ModelConfig config) => (long)config.NumAttentionHeads * config.HeadDim;

        private static long Keys(ModelConfig config) => (long)config.NumKeyValueHeads * config.HeadDim;

        private static long All(ModelConfig config) => Queries(config) + 2 * Keys(config);
    }

    /// <summary>The rows of one expert in a tensor [experts, parts · rows, columns], which has no suffix.</summary>
    /// <param name="Name">The tensor's name, with {layer}.</param>
    /// <param name="Part">Which part of an expert's rows.</param>
    /// <param name="Parts">Of how many.</param>
    public sealed record PartOfExperts(string Name, int Part = 0, int Parts = 1) : ModuleSource
    {
        public override TensorSource Of(ParameterInfo parameter, string suffix, ModelConfig config) =>
            new(
                ModuleNames.Fill(Name, parameter), [config.NumLocalExperts, Parts * parameter.Shape[0], parameter.Shape[1]],
                ((long)parameter.Expert * Parts + Part) * parameter.Count, parameter.Count, parameter.Count);
    }
}

/// <summary>Where the numbers of a parameter lie in a stored tensor: stretches of one length at equal distances.</summary>
/// <param name="Tensor">The stored tensor's name.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="Start">The first number's place in it.</param>
/// <param name="Stretch">How many numbers lie together.</param>
/// <param name="Distance">From one stretch's first number to the next one's.</param>
internal sealed record TensorSource(string Tensor, long[] Shape, long Start, long Stretch, long Distance)
{
    /// <summary>A tensor that holds a parameter and nothing else.</summary>
    public static TensorSource Whole(string tensor, ParameterInfo parameter) =>
        new(tensor, parameter.Shape, 0, parameter.Count, parameter.Count);

    /// <summary>The place of a number of the parameter in the tensor.</summary>
    public long PlaceOf(long index) => Start + index / Stretch * Distance + index % Stretch;

    /// <summary>How many numbers from one on lie together.</summary>
    public long RestOfStretch(long index) => Stretch - index % Stretch;
}

/// <summary>Names of modules with {layer} and {expert} in place of numbers.</summary>
internal static class ModuleNames
{
    private const string Layer = "{layer}", Expert = "{expert}";

    /// <summary>A parameter's module, without numbers, and ".weight" or ".bias".</summary>
    public static (string Module, string Suffix) Of(ParameterInfo parameter)
    {
        var suffix = parameter.IsBias ? ".bias" : ".weight";
        var module = parameter.Name.AsSpan()[..^suffix.Length];
        if (parameter.Layer < 0) return (module.ToString(), suffix);
        var layer = NumberAfter(".layers.", module);
        if (parameter.Expert < 0) return ($"{module[..layer.Start]}{Layer}{module[layer.End..]}", suffix);
        var expert = NumberAfter(".experts.", module);
        return ($"{module[..layer.Start]}{Layer}{module[layer.End..expert.Start]}{Expert}{module[expert.End..]}", suffix);
    }

    /// <summary>A name with a parameter's numbers, and the suffix.</summary>
    public static string Fill(string name, ParameterInfo parameter, string suffix = "")
    {
        var rest = name.AsSpan();
        var filled = new DefaultInterpolatedStringHandler(name.Length, 1, CultureInfo.InvariantCulture, stackalloc char[256]);
        for (int brace; (brace = rest.IndexOf('{')) >= 0;)
        {
            var isLayer = rest[brace..].StartsWith(Layer, StringComparison.Ordinal);
            filled.AppendFormatted(rest[..brace]);
            filled.AppendFormatted(isLayer ? parameter.Layer : parameter.Expert);
            rest = rest[(brace + (isLayer ? Layer : Expert).Length)..];
        }

        filled.AppendFormatted(rest);
        filled.AppendLiteral(suffix);
        return filled.ToStringAndClear();
    }

    private static Range NumberAfter(string word, ReadOnlySpan<char> name)
    {
        var start = name.IndexOf(word, StringComparison.Ordinal) + word.Length;
        return start..(start + name[start..].IndexOf('.'));
    }
}
