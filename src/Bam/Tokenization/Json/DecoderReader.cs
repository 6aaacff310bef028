namespace Bam.Tokenization.Json;

/// <summary>Checks "decoder": byte-level tokens are decoded by their bytes alone.</summary>
internal static class DecoderReader
{
    /// <summary>Refuses any decoder but ByteLevel.</summary>
    /// <exception cref="InvalidInputException">It is missing or of another kind.</exception>
    public static void Require(JsonField field)
    {
        const string Expected = "ByteLevel";
        if (field.IsNull) throw field.Unexpected(Expected, "Bam reads byte-level BPE only");
        if (field["type"].TextOrNull() != Expected) throw field["type"].Unexpected(Expected, "Bam does not read this decoder");
        field.RequireKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
    }
}
