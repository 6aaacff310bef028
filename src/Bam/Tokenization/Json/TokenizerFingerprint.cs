using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Tokenization.Models;

namespace Bam.Tokenization.Json;

/// <summary>
/// SHA-256 over what the ids of a text depend on: tokens by id, merges, added tokens by id, the components with their keys sorted. How a
/// version of the library spells them does not count, nor how ids become text.
/// </summary>
internal static class TokenizerFingerprint
{
    /// <summary>Normalizer, pre-tokenizer and post-processor in one spelling.</summary>
    public static string Components(JsonElement root)
    {
        // No id depends on the decoder. Its place holds the one that Bam's trainer writes, so that fingerprints of its tokenizers stay as they were.
        JsonNode decoder = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = true, ["trim_offsets"] = true, ["use_regex"] = true };
        return Write([.. new[] { TokenizerSettings.Normalizer(root), TokenizerSettings.PreTokenizer(root), TokenizerSettings.PostProcessor(root), decoder }
            .Select(TokenizerSettings.ToElement)]);
    }

    /// <summary>Normalizer, pre-tokenizer, post-processor and decoder as the file spells them: what fingerprints were made of before <see cref="TokenizerSettings"/>.</summary>
    public static string ComponentsAsWritten(JsonField root) =>
        Write([root["normalizer"].Element, root["pre_tokenizer"].Element, root["post_processor"].Element, root["decoder"].Element]);

    private static string Write(ReadOnlySpan<JsonElement> components)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartArray();
            foreach (var component in components) WriteSorted(json, component);
            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }

    /// <summary>The hash in lower-case hexadecimal.</summary>
    public static string Of(BpeModel model, IEnumerable<AddedToken> addedTokens, string components)
    {
        using var content = new MemoryStream();
        using var writer = new BinaryWriter(content);
        foreach (var (token, id) in model.Vocabulary.Tokens.OrderBy(t => t.Value))
        {
            writer.Write(id);
            writer.Write(token);
        }

        writer.Write(-1);
        foreach (var merge in model.Merges.Items)
        {
            writer.Write(merge.First);
            writer.Write(merge.Second);
        }

        writer.Write(-1);
        writer.Write(model.UnknownId);
        writer.Write(model.FuseUnknown);
        writer.Write(model.IgnoreMerges);
        if (model is CharacterBpe characters) writer.Write(characters.ByteFallback);
        foreach (var token in addedTokens.OrderBy(t => t.Id))
        {
            writer.Write(token.Id);
            writer.Write(token.Content);
            writer.Write(token.Special);
            writer.Write(token.Normalized);
            writer.Write(token.SingleWord);
            writer.Write(token.LeftStrip);
            writer.Write(token.RightStrip);
        }

        writer.Write(-1);
        writer.Write(components);
        writer.Flush();
        return Convert.ToHexStringLower(SHA256.HashData(content.GetBuffer().AsSpan(0, (int)content.Length)));
    }

    private static void WriteSorted(Utf8JsonWriter json, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Undefined:
                json.WriteNullValue();
                break;
            case JsonValueKind.Object:
                json.WriteStartObject();
                foreach (var property in element.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    json.WritePropertyName(property.Name);
                    WriteSorted(json, property.Value);
                }

                json.WriteEndObject();
                break;
            case JsonValueKind.Array:
                json.WriteStartArray();
                foreach (var item in element.EnumerateArray()) WriteSorted(json, item);
                json.WriteEndArray();
                break;
            default:
                element.WriteTo(json);
                break;
        }
    }
}
