using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Tokenization.Models;

namespace Bam.Tokenization.Json;

/// <summary>
/// The settings of a tokenizer.json, without tokens and merges, in canonical form: as tokenizers 0.23 writes them, with defaults.
/// Files that different library versions wrote for the same tokenizer have equal settings.
/// </summary>
internal static class TokenizerSettings
{
    /// <summary>Keys with tokens, or without influence on ids; truncation and padding are set by the caller.</summary>
    private static readonly string[] NotForIds = ["added_tokens", "truncation", "padding", "role_to_token", "decoder", "model"];

    private static readonly string[] Tokens = ["vocab", "merges"];

    private static readonly SearchValues<char> RegexOperators = SearchValues.Create(@"\^$.|?*+()[]{}");

    // Values appear in messages.
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Settings that determine the ids of a text, as an object with the file's keys.</summary>
    public static JsonElement ForIds(JsonElement root)
    {
        var settings = CopyMembers(root, except: NotForIds);
        SetDefault(settings, "version", "1.0");
        settings["normalizer"] = Normalizer(root);
        settings["pre_tokenizer"] = PreTokenizer(root);
        settings["post_processor"] = PostProcessor(root);
        if (root.TryGetProperty("model", out var model))
            settings["model"] = model.ValueKind == JsonValueKind.Object ? Model(model) : Copy(model);
        return ToElement(settings);
    }

    /// <summary>Settings without influence on the ids of a text: the decoder and the template of a pair of texts.</summary>
    public static JsonElement ForText(JsonElement root) =>
        ToElement(new JsonObject { ["decoder"] = Decoder(root), ["post_processor"] = PostProcessor(root, "pair") });

    // JsonSerializer would need reflection, which the program of machine code lacks.
    public static JsonElement ToElement(JsonNode? node) => JsonElement.Parse(node?.ToJsonString(Readable) ?? "null");

    public static JsonNode? Normalizer(JsonElement root) => Steps(root, "normalizer", "normalizers", step =>
    {
        if (TypeOf(step) == "Replace") SpellPattern(step);
        return step;
    });

    public static JsonNode? PreTokenizer(JsonElement root) => Steps(root, "pre_tokenizer", "pretokenizers", step =>
    {
        switch (TypeOf(step))
        {
            case "ByteLevel":
                SetDefault(step, "add_prefix_space", true);
                SetDefault(step, "use_regex", true);
                step["trim_offsets"] = true; // applies to offsets, not ids
                break;
            case "Digits": SetDefault(step, "individual_digits", false); break;
            case "Punctuation": SetDefault(step, "behavior", "Isolated"); break;
            case "Split":
                SpellPattern(step);
                SetDefault(step, "invert", false);
                break;
            case "Metaspace": SpellMetaspace(step); break;
        }

        return step;
    });

    /// <summary>The template for one text; null if it adds no tokens.</summary>
    public static JsonNode? PostProcessor(JsonElement root) => PostProcessor(root, "single");

    private static JsonNode? PostProcessor(JsonElement root, string template) =>
        Steps(root, "post_processor", "processors", step => TypeOf(step) switch
        {
            "ByteLevel" => null, // trims offsets
            "TemplateProcessing" => Template(step, template),
            _ => step,
        });

    private static JsonNode? Decoder(JsonElement root) => Steps(root, "decoder", "decoders", step =>
    {
        switch (TypeOf(step))
        {
            case "ByteLevel": return new JsonObject { ["type"] = "ByteLevel" }; // its other settings are not used
            case "Replace": SpellPattern(step); break;
            case "Metaspace":
                SpellMetaspace(step);
                step.Remove("split");
                if (TextOf(step, "prepend_scheme") == "first") step["prepend_scheme"] = "always";
                break;
        }

        return step;
    });

    /// <summary>
    /// A component as one step or a flat sequence; null if no step is left. <paramref name="spell"/> converts a step to canonical
    /// form; null drops it.
    /// </summary>
    private static JsonNode? Steps(JsonElement root, string component, string list, Func<JsonObject, JsonNode?> spell)
    {
        var steps = new List<JsonNode>();
        if (root.TryGetProperty(component, out var element)) Add(Copy(element));
        return steps.Count switch
        {
            0 => null,
            1 => steps[0],
            _ => new JsonObject { ["type"] = "Sequence", [list] = new JsonArray([.. steps]) },
        };

        void Add(JsonNode? node)
        {
            if (node is JsonObject sequence && TypeOf(sequence) == "Sequence" && sequence[list] is JsonArray inner)
            {
                foreach (var step in inner.ToArray())
                {
                    inner.Remove(step);
                    Add(step);
                }
            }
            else if ((node is JsonObject step ? spell(step) : node) is { } spelled)
            {
                steps.Add(spelled);
            }
        }
    }

    // A template with ids instead of special tokens' names; null if it adds no tokens.
    private static JsonObject? Template(JsonObject step, string key)
    {
        var pieces = new JsonArray();
        foreach (var piece in step[key] as JsonArray ?? [])
        {
            if (TextOf((piece as JsonObject)?["Sequence"], "id") is { } text)
                pieces.Add((JsonNode)text); // the generic Add needs reflection
            else if (TextOf((piece as JsonObject)?["SpecialToken"], "id") is { } name
                && (step["special_tokens"] as JsonObject)?[name] is JsonObject token && token["ids"] is JsonArray ids)
                foreach (var id in ids) pieces.Add(id?.DeepClone());
            else
                pieces.Add(piece?.DeepClone());
        }

        return pieces is [JsonValue only] && only.TryGetValue<string>(out _)
            ? null
            : new JsonObject { ["type"] = "TemplateProcessing", [key] = pieces };
    }

    // Before 2024, Metaspace had add_prefix_space only, then for a time both; str_rep repeats the replacement.
    private static void SpellMetaspace(JsonObject step)
    {
        var never = step["add_prefix_space"] is JsonValue value && value.TryGetValue<bool>(out var adds) && !adds;
        var scheme = TextOf(step, "prepend_scheme");
        if (never && scheme is not (null or "never")) return; // contradictory; rejected when read
        step.Remove("add_prefix_space");
        step.Remove("str_rep");
        SetDefault(step, "prepend_scheme", never ? "never" : "always");
        SetDefault(step, "split", true);
    }

    // A regular expression without operators is a literal.
    private static void SpellPattern(JsonObject step)
    {
        if (TextOf(step["pattern"], "Regex") is { Length: > 0 } regex && !regex.AsSpan().ContainsAny(RegexOperators))
            step["pattern"] = new JsonObject { ["String"] = regex };
    }

    private static JsonObject Model(JsonElement element)
    {
        var model = CopyMembers(element, except: Tokens);
        if (element.TryGetProperty("merges", out _)) SetDefault(model, "type", "BPE"); // old files omit it
        if (TypeOf(model) is "BPE" or "Unigram") SetDefault(model, "byte_fallback", false);
        if (TypeOf(model) != "BPE") return model;
        SetDefault(model, "fuse_unk", false);
        SetDefault(model, "ignore_merges", false);
        foreach (var affix in (ReadOnlySpan<string>)["continuing_subword_prefix", "end_of_word_suffix"])
            if (TextOf(model, affix) == "") model.Remove(affix);
        if (model["dropout"] is JsonValue dropout && dropout.TryGetValue<double>(out var probability) && probability == 0)
            model.Remove("dropout");
        return model;
    }

    private static void SetDefault(JsonObject step, string key, JsonNode value)
    {
        if (!step.ContainsKey(key)) step[key] = value;
    }

    private static string? TypeOf(JsonObject step) => TextOf(step, "type");

    private static string? TextOf(JsonNode? node, string key) =>
        node is JsonObject step && step[key] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static JsonNode? Copy(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.Object => CopyMembers(element, except: []),
        JsonValueKind.Array => new JsonArray([.. element.EnumerateArray().Select(Copy)]),
        _ => JsonValue.Create(element),
    };

    // Drops null values and keeps the last of duplicate keys, as readers do.
    private static JsonObject CopyMembers(JsonElement element, ReadOnlySpan<string> except)
    {
        var copy = new JsonObject();
        foreach (var property in element.EnumerateObject())
        {
            var name = property.Name;
            if (except.Contains(name)) continue;
            if (property.Value.ValueKind == JsonValueKind.Null) copy.Remove(name);
            else copy[name] = Copy(property.Value);
        }

        return copy;
    }
}

/// <summary>
/// SHA-256 over everything that determines the ids of a text: tokens by id, merges, added tokens by id, and the components in
/// canonical form. The decoder and the spelling of different library versions have no influence.
/// </summary>
internal static class TokenizerFingerprint
{
    /// <summary>Normalizer, pre-tokenizer and post-processor in canonical form.</summary>
    public static string Components(JsonElement root)
    {
        // Ids do not depend on the decoder. A constant takes its place, the one that Bam's trainer writes, so that existing
        // fingerprints stay the same.
        JsonNode decoder =
            new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = true, ["trim_offsets"] = true, ["use_regex"] = true };
        JsonNode?[] components =
        [
            TokenizerSettings.Normalizer(root), TokenizerSettings.PreTokenizer(root), TokenizerSettings.PostProcessor(root),
            decoder,
        ];
        return Write([.. components.Select(TokenizerSettings.ToElement)]);
    }

    /// <summary>Components as in the file; for fingerprints of older versions of Bam.</summary>
    public static string AsWritten(JsonElement root)
    {
        string[] keys = ["normalizer", "pre_tokenizer", "post_processor", "decoder"];
        return Write([.. keys.Select(key => root.TryGetProperty(key, out var component) ? component : default)]);
    }

    // With sorted keys.
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

    /// <summary>The fingerprint in lower-case hexadecimal.</summary>
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
