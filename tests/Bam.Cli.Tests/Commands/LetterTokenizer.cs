using System.Text.Json;

namespace Bam.Cli.Tests.Commands;

/// <summary>A tokenizer of the 95 printable letters, for golden models, which have none.</summary>
internal static class LetterTokenizer
{
    /// <summary>Writes <c>tokenizer.json</c> into a directory, with an end of text as token 95 if asked for.</summary>
    public static void Write(string directory, bool hasEndOfText = false)
    {
        var added = hasEndOfText
            ? """
            "added_tokens": [{"id": 95, "content": "<|endoftext|>", "single_word": false, "lstrip": false, "rstrip": false,
              "normalized": false, "special": true}],
            """
            : "";
        var letters = Enumerable.Range(0, 95).Select(i => i == 0 ? "Ġ" : ((char)(' ' + i)).ToString());
        var vocabulary = letters.Select((letter, id) => $"{JsonSerializer.Serialize(letter)}: {id}");
        File.WriteAllText(Path.Combine(directory, "tokenizer.json"), $$$"""
            {{{{added}}}
            "model": {"type": "BPE", "unk_token": "a", "vocab": {{{{string.Join(", ", vocabulary)}}}}, "merges": []},
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false}, "decoder": {"type": "ByteLevel"}}
            """);
    }
}
