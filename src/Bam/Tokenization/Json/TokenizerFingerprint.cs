using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam.Tokenization.Models;

namespace Bam.Tokenization.Json;

/// <summary>
/// SHA-256 over what a tokenizer consists of, in one spelling: tokens by id, merges, added tokens by id, the components with
/// their keys sorted. Layout, key order and the older spelling of merges do not count.
/// </summary>
internal static class TokenizerFingerprint
{
    /// <summary>Normalizer, pre-tokenizer, post-processor and decoder in one spelling.</summary>
    public static string Components(JsonField root)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartArray();
            foreach (var component in (ReadOnlySpan<string>)["normalizer", "pre_tokenizer", "post_processor", "decoder"])
                WriteSorted(json, root[component].Element);
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
