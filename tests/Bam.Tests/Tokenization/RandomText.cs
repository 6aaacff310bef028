using System.Text;

namespace Bam.Tests.Tokenization;

/// <summary>Random texts of fragments that pre-tokenizers treat differently, and of any code point.</summary>
internal static class RandomText
{
    private static readonly string[] Fragments =
    [
        "'s", "'S", "'re", "'LL", "'\u017F", "'x", "don't", " ", "  ", "\t", "\n", "\r\n", " \n ", "\u00A0", "\u3000", "\u2028",
        "\u0085",
        "a", "Z", "word", "é", "e\u0301", "日本語", "한국어", "\U00020000\U00020001", "\U0001D49C\U0001D4B7", "ǅ", "ʰ",
        "7", "123", "12345", "½", "Ⅷ", "٣", "\U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB", "👩‍👩‍👧", "🏳️‍🌈", "...", "—", "!?\n",
        "//", "_", "\0", "\u200B", "\uFFFD",
        "<|endoftext|>", "\U0010FFFF", "\u0378",
    ];

    /// <summary>
    /// A text of up to <paramref name="maxFragments"/> fragments, every fourth of them one random scalar value.
    /// </summary>
    public static string Next(ref RandomStream random, int maxFragments = 24)
    {
        var text = new StringBuilder();
        for (var left = random.NextInt64(maxFragments + 1); left > 0; left--)
        {
            if (random.NextInt64(4) > 0)
            {
                text.Append(Fragments[random.NextInt64(Fragments.Length)]);
                continue;
            }

            var value = random.NextInt64(2) == 0 ? random.NextInt64(0x3000) : random.NextInt64(0x110000);
            if (Rune.IsValid((int)value)) text.Append(new Rune((int)value));
        }

        return text.ToString();
    }
}
