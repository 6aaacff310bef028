using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Files;
using Bam.Tokenization.Json;

namespace Bam.Checkpoints;

/// <summary>Compares the meaning of two <c>tokenizer.json</c>, whatever version of the library wrote them.</summary>
internal static class TokenizerComparison
{
    private static readonly JsonElement Nothing = JsonElement.Parse("null");

    /// <summary>
    /// The first place where two tokenizers give different ids, with both values; null where there is none. Added tokens from id
    /// <paramref name="rows"/> on are ignored: the models have no row for them.
    /// </summary>
    public static (string Place, string First, string Second)? FirstDifference(JsonElement first, JsonElement second, int rows) =>
        CompareAddedTokens(first, second, rows)
        ?? CompareSettings(first, second)
        ?? Compare("model.vocab", Member(first, "vocab"), Member(second, "vocab"))
        ?? CompareMerges(first, second, mayGrow: false);

    /// <summary>The first place where the second is not the first with tokens and merges added; null where it is.</summary>
    public static (string Place, string First, string Second)? FirstConflict(JsonElement first, JsonElement extension) =>
        CompareIds(first, extension) ?? CompareExtendedTokens(first, extension) ?? CompareMerges(first, extension, mayGrow: true)
            ?? CompareSettings(first, extension);

    /// <summary>
    /// The first place where two tokenizers that give the same ids differ in the text that they make of them, or in the template
    /// of a pair of texts.
    /// </summary>
    public static (string Place, string First, string Second)? FirstDifferenceInText(JsonElement first, JsonElement second) =>
        Compare("", TokenizerSettings.ForText(first), TokenizerSettings.ForText(second));

    /// <summary>The first place where two values differ, with both.</summary>
    public static (string Place, string First, string Second)? Compare(string place, JsonElement first, JsonElement second) =>
        (first.ValueKind, second.ValueKind) switch
        {
            (JsonValueKind.Object, JsonValueKind.Object) => CompareObjects(place, first, second),
            (JsonValueKind.Array, JsonValueKind.Array) => CompareArrays(place, first, second),
            _ => JsonElement.DeepEquals(first, second) ? null : (place, JsonInput.Describe(first), JsonInput.Describe(second)),
        };

    private static (string, string, string)? CompareSettings(JsonElement first, JsonElement second) =>
        Compare("", TokenizerSettings.ForIds(first), TokenizerSettings.ForIds(second));

    private static (string, string, string)? CompareIds(JsonElement first, JsonElement second)
    {
        var (tokens, others) = (TokenizerFile.TokensById(first), TokenizerFile.TokensById(second));
        var largest = tokens.Keys.DefaultIfEmpty(-1).Max();
        foreach (var id in tokens.Keys.Union(others.Keys).Where(id => id <= largest).Order())
        {
            var (token, other) = (tokens.GetValueOrDefault(id), others.GetValueOrDefault(id));
            if (token != other) return ($"id {id}", Quote(token), Quote(other));
        }

        return null;

        static string Quote(string? token) => token is null ? "no token" : $"\"{token}\"";
    }

    // Tokens that are listed without an id, or with one that is none, are compared as the file has them.
    private static (string, string, string)? CompareAddedTokens(JsonElement first, JsonElement second, int rows)
    {
        var (tokens, others) = (AddedTokens(first), AddedTokens(second));
        foreach (var (a, b) in tokens.Zip(others))
        {
            if (Compare($"added_tokens[{a.Index}]", a.Token, b.Token) is { } difference) return difference;
        }

        return tokens.Count == others.Count ? null : ("added_tokens", $"{tokens.Count} entries", $"{others.Count}");

        List<(int Index, JsonElement Token)> AddedTokens(JsonElement root)
        {
            var beyond = TokenizerFile.AddedTokensFrom(root, rows).Select(token => token.Id).ToHashSet();
            return [.. Member(root, "added_tokens", inModel: false) is { ValueKind: JsonValueKind.Array } list
                ? list.EnumerateArray()
                    .Select((token, index) => (Id: TokenizerFile.IdOf(token), Index: index, Token: token))
                    .Where(entry => entry.Id is not { } id || !beyond.Contains(id))
                    .OrderBy(entry => entry.Id ?? int.MaxValue)
                    .Select(entry => (entry.Index, Spell(entry.Token)))
                : []];
        }
    }

    private static (string, string, string)? CompareExtendedTokens(JsonElement first, JsonElement second)
    {
        var others = new Dictionary<int, JsonElement>();
        foreach (var (id, token) in TokenizerFile.AddedTokens(second))
            if (!others.TryAdd(id, token)) return ($"added_tokens, id {id}", "one entry", "two");
        foreach (var (id, token) in TokenizerFile.AddedTokens(first))
        {
            var place = $"added_tokens, id {id}";
            if (!others.TryGetValue(id, out var other)) return (place, JsonInput.Describe(token), "none");
            if (Compare(place, Spell(token), Spell(other)) is { } difference) return difference;
        }

        return null;
    }

    // The order of merges is their rank: new ones come after the old.
    private static (string, string, string)? CompareMerges(JsonElement first, JsonElement second, bool mayGrow)
    {
        var (merges, others) = (Member(first, "merges"), Member(second, "merges"));
        if (merges.ValueKind != JsonValueKind.Array || others.ValueKind != JsonValueKind.Array)
            return mayGrow && merges.ValueKind == JsonValueKind.Null ? null : Compare("model.merges", merges, others);
        var rank = 0;
        foreach (var (merge, other) in merges.EnumerateArray().Zip(others.EnumerateArray()))
        {
            if (!AreSame(merge, other)) return Compare($"model.merges[{rank}]", Pair(merge), Pair(other));
            rank++;
        }

        var (count, found) = (merges.GetArrayLength(), others.GetArrayLength());
        if (mayGrow) return found >= count ? null : ($"model.merges[{found}]", JsonInput.Describe(merges[found]), "none");
        return found == count ? null : ("model.merges", $"{count} entries", $"{found}");

        static bool AreSame(JsonElement merge, JsonElement other) =>
            merge.ValueKind == other.ValueKind
                ? JsonElement.DeepEquals(merge, other)
                : JsonElement.DeepEquals(Pair(merge), Pair(other));

        // ["a", "b"], or "a b" in files before 2024.
        static JsonElement Pair(JsonElement merge) =>
            merge.ValueKind == JsonValueKind.String && merge.GetString()!.Split(' ') is [_, _] pair
                ? TokenizerSettings.ToElement(new JsonArray(pair[0], pair[1]))
                : merge;
    }

    private static (string, string, string)? CompareObjects(string place, JsonElement first, JsonElement second)
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (var member in second.EnumerateObject()) members[member.Name] = member.Value;
        foreach (var member in first.EnumerateObject())
        {
            var inner = Join(place, member.Name);
            if (!members.Remove(member.Name, out var other)) return (inner, JsonInput.Describe(member.Value), "none");
            if (Compare(inner, member.Value, other) is { } difference) return difference;
        }

        foreach (var (name, value) in members) return (Join(place, name), "none", JsonInput.Describe(value));
        return null;
    }

    private static (string, string, string)? CompareArrays(string place, JsonElement first, JsonElement second)
    {
        var index = 0;
        foreach (var (a, b) in first.EnumerateArray().Zip(second.EnumerateArray()))
        {
            if (Compare($"{place}[{index++}]", a, b) is { } difference) return difference;
        }

        return first.GetArrayLength() == second.GetArrayLength()
            ? null
            : (place, $"{first.GetArrayLength()} entries", $"{second.GetArrayLength()}");
    }

    // With every flag written out.
    private static JsonElement Spell(JsonElement token)
    {
        if (token.ValueKind != JsonValueKind.Object) return token;
        var spelled = new JsonObject();
        foreach (var member in token.EnumerateObject()) spelled[member.Name] = JsonNode.Parse(member.Value.GetRawText());
        foreach (var flag in (ReadOnlySpan<string>)["single_word", "lstrip", "rstrip", "special"]) spelled.TryAdd(flag, false);
        if (spelled["special"] is JsonValue special && special.TryGetValue<bool>(out var isSpecial))
            spelled.TryAdd("normalized", !isSpecial);
        return TokenizerSettings.ToElement(spelled);
    }

    private static JsonElement Member(JsonElement root, string name, bool inModel = true)
    {
        if (inModel) return Member(Member(root, "model", inModel: false), name, inModel: false);
        return root.ValueKind == JsonValueKind.Object && root.TryGetProperty(name, out var value) ? value : Nothing;
    }

    private static string Join(string place, string member) => place.Length == 0 ? member : $"{place}.{member}";
}
