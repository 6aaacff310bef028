using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bam.Fuzz.Mutations;

/// <summary>Edits of JSON as a tree, so that most mutants are still JSON and many are still valid.</summary>
internal static class JsonMutation
{
    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "-1", "1", "2", "3", "8", "0.5", "-0.0",
        "1e-300", "1e300", "1e999", "-1e999", "NaN", "Infinity", "2147483647", "2147483648", "4294967296",
        "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "\"\"", "\"x\"", "\"12\"", "\"true\"", "\"Infinity\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\u0000\"",
        "\"a\\nb\\u001b[31m\"", "\"../x\"", "\"/dev/zero\"",
        "[]", "{}", "[null]", "[0]", "[[]]", "{\"\":null}", "{\"a\":1,\"a\":2}", "\"é漢😀\"", "\"\\ufeff\"",
        new string('[', 100) + new string(']', 100), $"\"{new string('y', 5000)}\"",
    ];

    private static readonly string[] Names =
    [
        "\"\"", "\"x\"", "\"type\"", "\"\\ud800\"", "\"\\u0000\"", "\"__metadata__\"", "\"a.b\"",
        $"\"{new string('n', 300)}\"",
    ];

    /// <summary>
    /// A few edits, or the same text as another tool writes it; edits of bytes where the text is not JSON, and in some mutants
    /// anyway.
    /// </summary>
    public static byte[] Of(byte[] json, Dice dice)
    {
        if (dice.Chance(0.15) || Parse(json) is not { } root) return ByteMutation.Of(json, dice);
        if (dice.Chance(0.3)) return JsonVariation.Of(root, dice);
        for (var edits = dice.Few(); edits > 0; edits--) root = Edited(root, dice);
        return Encoding.UTF8.GetBytes(root.ToString());
    }

    private static JsonTree? Parse(byte[] json)
    {
        try
        {
            return JsonTree.Of(JsonElement.Parse(json));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static JsonTree Edited(JsonTree root, Dice dice)
    {
        var places = root.Places().ToList();
        if (places.Count == 0 || dice.Chance(0.01)) return JsonTree.Leaf(dice.Of(Values));
        var (parent, index) = dice.Of(places);
        var (name, value) = parent.Children[index];
        switch (dice.Next(10))
        {
            case 0:
                parent.Children.RemoveAt(index);
                break;
            case 1:
                var inserted = dice.Next(parent.Children.Count + 1);
                parent.Children.Insert(inserted, (name, dice.Chance(0.5) ? value : JsonTree.Leaf(dice.Of(Values))));
                break;
            case 2:
                parent.Children.Insert(index, parent.Child(dice.Of(Names), JsonTree.Leaf(dice.Of(Values))));
                break;
            case 3:
                parent.Children[index] = parent.Child(dice.Of(Names), value);
                break;
            case 4:
                var (otherParent, otherIndex) = dice.Of(places);
                var other = otherParent.Children[otherIndex];
                // A tree inside itself would not end.
                if (value.Raw is null || other.Value.Raw is null) goto default;
                parent.Children[index] = (name, other.Value);
                otherParent.Children[otherIndex] = (other.RawName, value);
                break;
            case 5 or 6 when value.Raw is { } raw && double.TryParse(raw, CultureInfo.InvariantCulture, out var number):
                parent.Children[index] = (name, JsonTree.Leaf(Near(number, dice)));
                break;
            default:
                parent.Children[index] = (name, JsonTree.Leaf(dice.Of(Values)));
                break;
        }

        return root;
    }

    private static string Near(double number, Dice dice) => (dice.Next(7) switch
    {
        0 => number + 1,
        1 => number - 1,
        2 => number * 2,
        3 => number / 2,
        4 => -number,
        5 => dice.Next(16),
        _ => number * 1e6,
    }).ToString("R", CultureInfo.InvariantCulture);
}
