using System.Text;
using System.Text.Json;
using Bam.Files;

namespace Bam.Experiments.Recipes;

/// <summary>Text of made-up words, each domain with words of its own, for runs that only show that everything works.</summary>
internal static class SyntheticText
{
    private const int Documents = 60;
    private const int WordsOfADocument = 80;
    private const int Vocabulary = 40;

    /// <summary>Writes a domain's text; the same name gives the same text.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="domain">The domain's name.</param>
    /// <returns>The file, JSONL with the field "text".</returns>
    /// <exception cref="InvalidInputException">Another file of that name is there.</exception>
    public static string Write(string folder, string domain)
    {
        var random = new RandomStream(0, $"synthetic text {domain}");
        var words = new string[Vocabulary];
        for (var i = 0; i < words.Length; i++) words[i] = Word(ref random);
        var lines = new StringBuilder();
        for (var document = 0; document < Documents; document++)
        {
            var text = new StringBuilder();
            for (var i = 0; i < WordsOfADocument; i++) text.Append(words[random.NextInt64(Vocabulary)]).Append(' ');
            lines.Append(JsonSerializer.Serialize(new { text = text.ToString() })).Append('\n');
        }

        var path = Path.Combine(folder, $"{domain}.jsonl");
        if (File.Exists(path) && !IsSame(path, lines.ToString()))
            throw new InvalidInputException($"{path}: is there already, and is not the text of a smoke run; choose another --output");
        AtomicFile.WriteText(path, lines.ToString());
        return path;
    }

    private static bool IsSame(string path, string text) =>
        new FileInfo(path).Length == Encoding.UTF8.GetByteCount(text) && InputFile.ReadAllText(path, "it was there a moment ago") == text;

    private static string Word(ref RandomStream random)
    {
        var word = new StringBuilder();
        for (var length = 2 + random.NextInt64(6); length > 0; length--) word.Append((char)('a' + random.NextInt64(26)));
        return word.ToString();
    }
}
