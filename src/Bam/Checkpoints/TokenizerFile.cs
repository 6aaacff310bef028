using System.Text.Json;
using Bam.Files;

namespace Bam.Checkpoints;

/// <summary>A checkpoint's <c>tokenizer.json</c> as data: enough to compare two and to hold one against a vocabulary.</summary>
public static class TokenizerFile
{
    /// <summary>The file name inside a checkpoint.</summary>
    public const string FileName = "tokenizer.json";

    private const string Hint = "copy it again";

    /// <summary>What belongs to a tokenizer and is copied with it.</summary>
    private static readonly string[] Companions = [FileName, "tokenizer_config.json", "special_tokens_map.json"];

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
    public static void CopyAll(string checkpointDirectory, string target)
    {
        foreach (var name in Companions)
        {
            var source = Path.Combine(checkpointDirectory, name);
            if (!File.Exists(source)) continue;
            var content = InputFile.ReadAllBytes(source, "it was there a moment ago");
            AtomicFile.Write(Path.Combine(target, name), stream => stream.Write(content));
        }
    }

    /// <summary>The number of ids it can give: the largest one, and one more.</summary>
    /// <exception cref="InvalidInputException">The file is not a tokenizer.</exception>
    public static int CountIds(string path) =>
        JsonInput.ReadObject(InputFile.ReadAllBytes(path, Hint), path, Hint, root =>
        {
            var largest = -1;
            if (root.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object && model.TryGetProperty("vocab", out var vocabulary))
                largest = Largest(vocabulary);
            if (root.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
            {
                foreach (var token in added.EnumerateArray())
                {
                    if (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("id", out var id) && id.TryGetInt32(out var number))
                        largest = Math.Max(largest, number);
                }
            }

            return largest >= 0 ? largest + 1 : throw new InvalidInputException($"{path}: model.vocab", "a vocabulary", "none", "is it the right file?");
        });

    /// <summary>The first place where two tokenizers differ, as a path in the file with both values; null where they are the same.</summary>
    /// <exception cref="InvalidInputException">One of the files is not JSON.</exception>
    public static (string Place, string First, string Second)? FirstDifference(string firstPath, string secondPath)
    {
        var first = InputFile.ReadAllBytes(firstPath, Hint);
        var second = InputFile.ReadAllBytes(secondPath, Hint);
        if (first.AsSpan().SequenceEqual(second)) return null;
        return JsonInput.ReadObject(first, firstPath, Hint, a => JsonInput.ReadObject(second, secondPath, Hint, b => Compare("", a, b)));
    }

    /// <summary>The largest id: a vocabulary maps tokens to ids (BPE), or lists tokens by id (Unigram).</summary>
    private static int Largest(JsonElement vocabulary)
    {
        if (vocabulary.ValueKind == JsonValueKind.Array) return vocabulary.GetArrayLength() - 1;
        if (vocabulary.ValueKind != JsonValueKind.Object) return -1;
        var largest = -1;
        foreach (var token in vocabulary.EnumerateObject())
        {
            if (token.Value.ValueKind == JsonValueKind.Number && token.Value.TryGetInt32(out var id)) largest = Math.Max(largest, id);
        }

        return largest;
    }

    private static (string Place, string First, string Second)? Compare(string place, JsonElement first, JsonElement second)
    {
        if (first.ValueKind == JsonValueKind.Object && second.ValueKind == JsonValueKind.Object) return CompareObjects(place, first, second);
        if (first.ValueKind == JsonValueKind.Array && second.ValueKind == JsonValueKind.Array) return CompareArrays(place, first, second);
        return JsonElement.DeepEquals(first, second) ? null : (place, JsonInput.Describe(first), JsonInput.Describe(second));
    }

    private static (string Place, string First, string Second)? CompareObjects(string place, JsonElement first, JsonElement second)
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (var member in second.EnumerateObject()) members[member.Name] = member.Value;
        foreach (var member in first.EnumerateObject())
        {
            var found = members.Remove(member.Name, out var other);
            if (place.Length == 0 && RuntimeSettings.Contains(member.Name)) continue;
            if (!found) return (Join(place, member.Name), JsonInput.Describe(member.Value), "none");
            if (Compare(Join(place, member.Name), member.Value, other) is { } difference) return difference;
        }

        foreach (var (name, value) in members)
        {
            if (place.Length > 0 || !RuntimeSettings.Contains(name)) return (Join(place, name), "none", JsonInput.Describe(value));
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
