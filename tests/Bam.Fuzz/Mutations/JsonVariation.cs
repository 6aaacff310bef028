using System.Globalization;
using System.Text;

namespace Bam.Fuzz.Mutations;

/// <summary>The same JSON as another tool writes it: members in another order, spaces, escapes.</summary>
internal static class JsonVariation
{
    private static readonly string[] Spaces = ["", "", " ", "\n", "\r\n  ", "\t"];

    /// <summary>Another text of the same meaning.</summary>
    /// <param name="root">Its members change their order.</param>
    /// <param name="dice">Chooses.</param>
    public static byte[] Of(JsonTree root, Dice dice)
    {
        if (dice.Chance(0.6)) Reorder(root, dice);
        return Encoding.UTF8.GetBytes(root.ToString(dice.Of(Spaces), dice.Chance(0.2) ? Escaped : raw => raw));
    }

    private static void Reorder(JsonTree tree, Dice dice)
    {
        if (tree.IsObject)
            for (var last = tree.Children.Count - 1; last > 0; last--)
            {
                var other = dice.Next(last + 1);
                (tree.Children[last], tree.Children[other]) = (tree.Children[other], tree.Children[last]);
            }

        foreach (var (_, child) in tree.Children) Reorder(child, dice);
    }

    // Letters of strings by their codes; what is escaped already stays.
    private static string Escaped(string raw) => raw.StartsWith('"') && !raw.Contains('\\', StringComparison.Ordinal)
        ? $"\"{string.Concat(raw[1..^1].Select((c, i) => i % 3 == 0 || !char.IsAscii(c) ? UnicodeEscape(c) : $"{c}"))}\""
        : raw;

    private static string UnicodeEscape(char c) => string.Create(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
}
