using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam.Tokenization.Models;

namespace Bam.Tokenization.Json;

/// <summary>
/// SHA-256 over what a tokenizer consists of, in one spelling: tokens by id, merges as pairs, added tokens by id, the
/// components with their keys sorted. Layout, key order and the older spelling of merges do not count.
/// </summary>
internal static class TokenizerFingerprint
{
    /// <summary>The hash in lower-case hexadecimal.</summary>
    public static string Of(JsonField root, Vocabulary vocabulary, IEnumerable<AddedToken> addedTokens)
    {
        using var content = new MemoryStream();
        using (var writer = new BinaryWriter(content, Encoding.UTF8, leaveOpen: true))
        {
            WriteModel(writer, root["model"], vocabulary);
            foreach (var token in addedTokens.OrderBy(t => t.Id))
            {
                writer.Write(token.Id);
                writer.Write(token.Content);
                foreach (var flag in (ReadOnlySpan<bool>)[token.Special, token.Normalized, token.SingleWord, token.LeftStrip, token.RightStrip])
                    writer.Write(flag);
            }

            foreach (var component in (ReadOnlySpan<string>)["normalizer", "pre_tokenizer", "post_processor", "decoder"])
                writer.Write(Canonical(root[component].Element));
        }

        return Convert.ToHexStringLower(SHA256.HashData(content.GetBuffer().AsSpan(0, (int)content.Length)));
    }

    private static void WriteModel(BinaryWriter writer, JsonField model, Vocabulary vocabulary)
    {
        writer.Write(vocabulary.Count);
        foreach (var (token, id) in vocabulary.Tokens.OrderBy(t => t.Value))
        {
            writer.Write(id);
            writer.Write(token);
        }

        foreach (var merge in model["merges"].Items())
        {
            var (first, second) = ModelReader.PartsOf(merge);
            writer.Write(first);
            writer.Write(second);
        }

        writer.Write(model["unk_token"].TextOrNull() ?? string.Empty);
        writer.Write(model["fuse_unk"].Boolean(false));
        writer.Write(model["ignore_merges"].Boolean(false));
    }

    private static string Canonical(JsonElement element)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text)) WriteSorted(json, element);
        return Encoding.UTF8.GetString(text.ToArray());
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
