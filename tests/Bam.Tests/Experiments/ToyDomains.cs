using System.Text;

namespace Bam.Tests.Experiments;

/// <summary>Text in three languages of a few words each, so that a tiny model learns in seconds which it reads.</summary>
internal static class ToyDomains
{
    private static readonly (string Name, string[] Words)[] Languages =
    [
        ("general", ["the ", "a ", "dog ", "cat ", "house ", "sees ", "runs ", "and ", "now ", "again "]),
        ("law", ["whereas ", "party ", "shall ", "court ", "herein ", "clause ", "pursuant ", "thereof ", "liable ", "deed "]),
        ("code", ["if (", "x ", "== ", "y) ", "return ", "0; ", "while (", "i < ", "n) ", "i++; "]),
    ];

    /// <summary>Writes general.txt, law.txt and code.txt, each with documents between lines of "----".</summary>
    public static void Write(string directory)
    {
        foreach (var (name, words) in Languages)
        {
            var random = new RandomStream(1, name);
            var text = new StringBuilder();
            for (var document = 0; document < 60; document++)
            {
                var word = 0;
                for (var i = 0; i < 120; i++)
                {
                    // Mostly the word that follows in the list: an order to learn, with some noise.
                    word = random.NextDouble() < 0.7 ? (word + 3) % words.Length : (int)random.NextInt64(words.Length);
                    text.Append(words[word]);
                }

                text.Append("\n----\n");
            }

            File.WriteAllText(Path.Combine(directory, $"{name}.txt"), text.ToString());
        }
    }
}
