using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>A checkpoint's <c>tokenizer.json</c> as data: enough to compare two and to hold one against a vocabulary.</summary>
public static class TokenizerFile
{
    /// <summary>The file name inside a checkpoint.</summary>
    public const string FileName = "tokenizer.json";

    private const string Hint = "copy it again";

    /// <summary>The settings that libraries read beside it, the chat template among them.</summary>
    public const string SettingsFileName = "tokenizer_config.json";

    /// <summary>The chat template where it has a file of its own.</summary>
    public const string ChatTemplateFileName = "chat_template.jinja";

    /// <summary>The tokenizer and what belongs to it: the files that are copied together.</summary>
    public static IReadOnlyList<string> FileNames { get; } = [FileName, SettingsFileName, "special_tokens_map.json", ChatTemplateFileName];

    /// <summary>What a caller may set for one call; no part of the tokenizer.</summary>
    private static readonly HashSet<string> RuntimeSettings = ["truncation", "padding"];

    /// <summary>The path of a checkpoint's tokenizer, or null where it has none.</summary>
    public static string? Find(string checkpointDirectory)
    {
        var path = Path.Combine(checkpointDirectory, FileName);
        return File.Exists(path) ? path : null;
    }

    /// <summary>Copies a checkpoint's tokenizer and what belongs to it, as far as they are there.</summary>
    /// <exception cref="WorkFailedException">They cannot be written.</exception>
    public static void CopyAll(string checkpointDirectory, string target) => new CompanionFiles().Add(checkpointDirectory, FileNames).WriteTo(target);

    /// <summary>The number of ids it can give: the largest one, and one more.</summary>
    /// <exception cref="InvalidInputException">The file is not a tokenizer.</exception>
    public static int CountIds(string path) =>
        JsonInput.ReadObject(InputFile.ReadAllBytes(path, Hint), path, Hint, root =>
        {
            var largest = TokensById(root).Keys.DefaultIfEmpty(-1).Max();
            return largest >= 0 ? largest + 1 : throw new InvalidInputException($"{path}: model.vocab", "a vocabulary", "none", "is it the right file?");
        });

    /// <summary>The first place where two tokenizers differ, as a path in the file with both values; null where they are the same.</summary>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstDifference(string firstPath, string secondPath)
    {
        var first = InputFile.ReadAllBytes(firstPath, Hint);
        var second = InputFile.ReadAllBytes(secondPath, Hint);
        if (first.AsSpan().SequenceEqual(second)) return null;
        return JsonInput.ReadObject(first, firstPath, Hint, a => JsonInput.ReadObject(second, secondPath, Hint, b => CompareTokenizers(a, b)));
    }

    /// <summary>Every id that has a token: a vocabulary maps tokens to ids (BPE), or lists tokens by id (Unigram); added tokens have theirs beside it.</summary>
    internal static Dictionary<int, string> TokensById(JsonElement root)
    {
        var tokens = new Dictionary<int, string>();
        if (root.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object && model.TryGetProperty("vocab", out var vocabulary))
        {
            if (vocabulary.ValueKind == JsonValueKind.Array)
            {
                foreach (var token in vocabulary.EnumerateArray()) tokens[tokens.Count] = token.GetRawText();
            }
            else if (vocabulary.ValueKind == JsonValueKind.Object)
            {
                foreach (var token in vocabulary.EnumerateObject())
                {
                    if (token.Value.ValueKind == JsonValueKind.Number && token.Value.TryGetInt32(out var id)) tokens[id] = token.Name;
                }
            }
        }

        foreach (var (id, token) in AddedTokens(root))
            tokens[id] = token.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String ? content.GetString()! : "";
        return tokens;
    }

    /// <summary>The entries of <c>added_tokens</c> that have an id.</summary>
    internal static IEnumerable<(int Id, JsonElement Token)> AddedTokens(JsonElement root)
    {
        if (!root.TryGetProperty("added_tokens", out var added) || added.ValueKind != JsonValueKind.Array) yield break;
        foreach (var token in added.EnumerateArray())
        {
            if (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var number))
                yield return (number, token);
        }
    }

    /// <summary>The first place where two tokenizers differ, but for what <paramref name="isIgnored"/> says of a path in the file.</summary>
    internal static (string Place, string First, string Second)? CompareTokenizers(JsonElement first, JsonElement second, Predicate<string>? isIgnored = null) =>
        Compare("", first, second, place => RuntimeSettings.Contains(place) || isIgnored?.Invoke(place) == true);

    /// <summary>The first place where two values differ, with both.</summary>
    internal static (string Place, string First, string Second)? Compare(string place, JsonElement first, JsonElement second) => Compare(place, first, second, _ => false);

    private static (string Place, string First, string Second)? Compare(string place, JsonElement first, JsonElement second, Predicate<string> isIgnored)
    {
        if (first.ValueKind == JsonValueKind.Object && second.ValueKind == JsonValueKind.Object) return CompareObjects(place, first, second, isIgnored);
        if (first.ValueKind == JsonValueKind.Array && second.ValueKind == JsonValueKind.Array) return CompareArrays(place, first, second);
        return JsonElement.DeepEquals(first, second) ? null : (place, JsonInput.Describe(first), JsonInput.Describe(second));
    }

    private static (string Place, string First, string Second)? CompareObjects(string place, JsonElement first, JsonElement second, Predicate<string> isIgnored)
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (var member in second.EnumerateObject()) members[member.Name] = member.Value;
        foreach (var member in first.EnumerateObject())
        {
            var found = members.Remove(member.Name, out var other);
            var inner = Join(place, member.Name);
            if (isIgnored(inner)) continue;
            if (!found) return (inner, JsonInput.Describe(member.Value), "none");
            if (Compare(inner, member.Value, other, isIgnored) is { } difference) return difference;
        }

        foreach (var (name, value) in members)
        {
            if (!isIgnored(Join(place, name))) return (Join(place, name), "none", JsonInput.Describe(value));
        }

        return null;
    }

    private static (string Place, string First, string Second)? CompareArrays(string place, JsonElement first, JsonElement second)
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

    private static string Join(string place, string member) => place.Length == 0 ? member : $"{place}.{member}";
}
