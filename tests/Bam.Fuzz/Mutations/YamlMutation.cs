using System.Text;
using System.Text.RegularExpressions;

namespace Bam.Fuzz.Mutations;

/// <summary>Edits of YAML by lines and values.</summary>
internal static partial class YamlMutation
{
    private static readonly string[] Values =
    [
        "", "~", "null", "true", "yes", "0", "1", "2", "3", "-1", "0.5", "1e-3", "1e999", ".inf", ".nan", "0o17", "0x10", "1_000",
        "2147483648", "9223372036854775807", "\"\"", "\"a\\0b\"", "\"\\ud83d\"", "\"\\UFFFFFFFF\"", "x",
        "[]", "{}", "[1, 2]", "{a: b}", "[[[]]]", "*a", "&a x", "&a [*a]", "!!str 5", "!!python/object x", "!own {}",
        "'", "\"", "|", ">-", "? [a]", "@", "%", "`", "- x", "a: b: c", "{", "[", "é漢😀", "/dev/zero", "../..", "''",
    ];

    private static readonly string[] Lines =
    [
        "---", "...", "%YAML 1.1", "# comment", "<<: *a", "<<: {steps: 1}", "x: 1", "- x", "\tx: 1", "? [a]: b",
        "extends: recipe.yaml", "training: &a {<<: *a}", "a: &a [*a]", "  x", "", "steps: 1", "tokens: 8",
    ];

    /// <summary>
    /// A few edits, or what leaves it valid: comments, blank lines, small numbers for others; in some mutants edits of bytes.
    /// </summary>
    public static byte[] Of(byte[] yaml, Dice dice)
    {
        if (dice.Chance(0.2)) return ByteMutation.Of(yaml, dice);
        var lines = Encoding.UTF8.GetString(yaml).Split('\n').ToList();
        if (dice.Chance(0.4)) return Encoding.UTF8.GetBytes(string.Join('\n', lines.SelectMany(line => Varied(line, dice))));
        for (var edits = dice.Few(); edits > 0; edits--) Edit(lines, dice);
        var text = string.Join(dice.Chance(0.03) ? "\r\n" : "\n", lines);
        return Encoding.UTF8.GetBytes(dice.Chance(0.02) ? "\uFEFF" + text : text);
    }

    private static void Edit(List<string> lines, Dice dice)
    {
        if (lines.Count == 0) lines.Add("");
        var at = dice.Next(lines.Count);
        switch (dice.Next(9))
        {
            case 0:
                lines.RemoveAt(at);
                break;
            case 1:
                lines.Insert(dice.Next(lines.Count + 1), lines[at]);
                break;
            case 2:
                lines.Insert(at, dice.Of(Lines));
                break;
            case 3:
                lines[at] = dice.Chance(0.5) ? "  " + lines[at] : lines[at].TrimStart();
                break;
            case 4:
                var other = dice.Next(lines.Count);
                (lines[at], lines[other]) = (lines[other], lines[at]);
                break;
            default:
                lines[at] = WithOtherValue(lines[at], dice);
                break;
        }
    }

    private static IEnumerable<string> Varied(string line, Dice dice)
    {
        if (dice.Chance(0.1)) yield return dice.Of(["", "# x: 1", "    # - [", "  "]);
        if (dice.Chance(0.1)) line = WholeNumber().Replace(line, $"{1 + dice.Next(4)}", 1);
        yield return line + dice.Of(["", "", "", "  ", " # x"]);
    }

    [GeneratedRegex(@"(?<=: )\d+(?=[ ,}]|$)")]
    private static partial Regex WholeNumber();

    // Behind a colon, up to where the value ends.
    private static string WithOtherValue(string line, Dice dice)
    {
        var colons = Enumerable.Range(0, line.Length).Where(i => line[i] == ':').ToList();
        if (colons.Count == 0) return line + dice.Of(Values);
        var start = dice.Of(colons) + 1;
        var end = line.IndexOfAny([',', '}', ']'], start);
        return $"{line[..start]} {dice.Of(Values)}{(end < 0 ? "" : line[end..])}";
    }
}
