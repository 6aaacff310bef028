using System.Text;

namespace Bam.Fuzz.Mutations;

/// <summary>Edits of text by lines, most of which leave it text, and edits of bytes.</summary>
internal static class TextMutation
{
    private static readonly string[] Lines =
    [
        "", " ", "x", "----", "Straße 漢字 😀", "e\u0301\u0327", "\u0000", "\u001b[31m", "\ufffd", "\u2028", "\r", "\t\t",
        "<s></s>", "12,345.6 ١٢٣", new string('y', 3000), "'s 're 'LL",
    ];

    /// <summary>A few edits.</summary>
    public static byte[] Of(byte[] text, Dice dice)
    {
        if (dice.Chance(0.4)) return ByteMutation.Of(text, dice);
        var lines = Encoding.UTF8.GetString(text).Split('\n').ToList();
        for (var edits = dice.Few(); edits > 0; edits--)
        {
            var at = dice.Next(lines.Count);
            switch (dice.Next(4))
            {
                case 0:
                    lines.Insert(at, dice.Of(Lines));
                    break;
                case 1:
                    lines[at] += dice.Of(Lines);
                    break;
                case 2:
                    lines[at] = lines[dice.Next(lines.Count)];
                    break;
                default:
                    if (lines.Count > 1) lines.RemoveAt(at);
                    break;
            }
        }

        var mutant = string.Join(dice.Chance(0.1) ? "\r\n" : "\n", lines);
        return Encoding.UTF8.GetBytes(dice.Chance(0.1) ? "\uFEFF" + mutant : mutant);
    }
}
