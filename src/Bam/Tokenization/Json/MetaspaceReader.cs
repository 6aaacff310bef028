using Bam.Tokenization.PreTokenizers;

namespace Bam.Tokenization.Json;

/// <summary>Reads a Metaspace, which a pre-tokenizer and a decoder write the same.</summary>
internal static class MetaspaceReader
{
    /// <summary>Its settings.</summary>
    /// <exception cref="InvalidInputException">They contradict each other, or one is unknown.</exception>
    public static (string Replacement, PrependScheme Scheme, bool Split) Read(JsonField field)
    {
        // str_rep is the replacement once more, in files before 2023; no one reads it.
        field.RequireKeys("type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep");
        return (field["replacement"].Letter(), ReadScheme(field), field["split"].Boolean(true));
    }

    private static PrependScheme ReadScheme(JsonField field)
    {
        var scheme = field["prepend_scheme"];
        var never = !field["add_prefix_space"].Boolean(true); // before 2024 the only setting
        var read = scheme.TextOrNull() switch
        {
            null => never ? PrependScheme.Never : PrependScheme.Always,
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Unexpected("always, first or never", "Bam does not know this scheme"),
        };
        return !never || read == PrependScheme.Never
            ? read
            : throw scheme.Unexpected("never", "add_prefix_space is false; one of the two is wrong");
    }
}
