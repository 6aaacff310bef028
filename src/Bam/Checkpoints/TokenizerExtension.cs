using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>Whether one <c>tokenizer.json</c> is another with tokens added: what both have, they have under the same ids.</summary>
public static class TokenizerExtension
{
    private const string Hint = "copy it again";

    /// <summary>What an extension may have more of.</summary>
    private static readonly HashSet<string> Growing = ["added_tokens", "model.vocab", "model.merges"];

    /// <summary>
    /// The first thing that keeps a tokenizer from being the extension of another, as a place with both values: the lowest id with another
    /// token, an added token or a merge that has changed, or another component. Null where there is none.
    /// </summary>
    /// <param name="path">A tokenizer.</param>
    /// <param name="extensionPath">One that may have more tokens.</param>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstConflict(string path, string extensionPath) =>
        JsonInput.ReadObject(InputFile.ReadAllBytes(path, Hint), path, Hint, first =>
            JsonInput.ReadObject(InputFile.ReadAllBytes(extensionPath, Hint), extensionPath, Hint, second =>
                CompareIds(first, second) ?? CompareAddedTokens(first, second) ?? CompareMerges(first, second) ?? TokenizerFile.CompareTokenizers(first, second, Growing.Contains)));

    private static (string, string, string)? CompareIds(JsonElement first, JsonElement second)
    {
        var (tokens, others) = (TokenizerFile.TokensById(first), TokenizerFile.TokensById(second));
        var largest = tokens.Keys.DefaultIfEmpty(-1).Max();
        for (var id = 0; id <= largest; id++)
        {
            var (token, other) = (tokens.GetValueOrDefault(id), others.GetValueOrDefault(id));
            if (token != other) return ($"id {id}", Quote(token), Quote(other));
        }

        return null;

        static string Quote(string? token) => token is null ? "no token" : $"\"{token}\"";
    }

    private static (string, string, string)? CompareAddedTokens(JsonElement first, JsonElement second)
    {
        var others = new Dictionary<int, JsonElement>();
        foreach (var (id, token) in TokenizerFile.AddedTokens(second))
            if (!others.TryAdd(id, token)) return ($"added_tokens, id {id}", "one entry", "two");
        foreach (var (id, token) in TokenizerFile.AddedTokens(first))
        {
            var place = $"added_tokens, id {id}";
            if (!others.TryGetValue(id, out var other)) return (place, JsonInput.Describe(token), "none");
            if (TokenizerFile.Compare(place, token, other) is { } difference) return difference;
        }

        return null;
    }

    // The order of merges is their rank: new ones come after the old.
    private static (string, string, string)? CompareMerges(JsonElement first, JsonElement second)
    {
        var (merges, others) = (MergesOf(first), MergesOf(second));
        for (var rank = 0; rank < merges.Length; rank++)
        {
            var place = $"model.merges[{rank}]";
            if (rank == others.Length) return (place, JsonInput.Describe(merges[rank]), "none");
            if (TokenizerFile.Compare(place, merges[rank], others[rank]) is { } difference) return difference;
        }

        return null;

        static JsonElement[] MergesOf(JsonElement root) =>
            root.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object
            && model.TryGetProperty("merges", out var list) && list.ValueKind == JsonValueKind.Array ? [.. list.EnumerateArray()] : [];
    }
}
