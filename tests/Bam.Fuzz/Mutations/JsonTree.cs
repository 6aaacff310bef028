using System.Text;
using System.Text.Json;

namespace Bam.Fuzz.Mutations;

/// <summary>JSON as a tree that can also hold what is not JSON: keys that are there twice, half surrogates, NaN.</summary>
internal sealed class JsonTree
{
    /// <summary>The text of a leaf; null for lists and objects.</summary>
    public string? Raw { get; set; }

    /// <summary>A list's items, or an object's values; empty for leaves.</summary>
    public List<(string? RawName, JsonTree Value)> Children { get; private init; } = [];

    public bool IsObject { get; private init; }

    public static JsonTree Leaf(string raw) => new() { Raw = raw };

    public static JsonTree Of(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => new()
        {
            IsObject = true,
            Children =
            [
                .. element.EnumerateObject().Select(member => ((string?)JsonSerializer.Serialize(member.Name), Of(member.Value))),
            ],
        },
        JsonValueKind.Array => new() { Children = [.. element.EnumerateArray().Select(item => ((string?)null, Of(item)))] },
        _ => Leaf(element.GetRawText()),
    };

    /// <summary>Every tree below this one, with the tree that holds it and its place there.</summary>
    public IEnumerable<(JsonTree Parent, int Index)> Places()
    {
        for (var i = 0; i < Children.Count; i++)
        {
            yield return (this, i);
            foreach (var place in Children[i].Value.Places()) yield return place;
        }
    }

    /// <summary>A member or an item as this tree's kind needs it.</summary>
    public (string? RawName, JsonTree Value) Child(string rawName, JsonTree value) => (IsObject ? rawName : null, value);

    public override string ToString() => ToString("", raw => raw);

    /// <summary>The JSON, with spaces between its parts and every name and leaf as it is to be written.</summary>
    public string ToString(string space, Func<string, string> written)
    {
        var text = new StringBuilder();
        Write(text, space, written);
        return text.ToString();
    }

    private void Write(StringBuilder text, string space, Func<string, string> written)
    {
        if (Raw is not null)
        {
            text.Append(written(Raw));
            return;
        }

        text.Append(IsObject ? '{' : '[');
        for (var i = 0; i < Children.Count; i++)
        {
            text.Append(i > 0 ? "," : "").Append(space);
            if (Children[i].RawName is { } name) text.Append(written(name)).Append(':').Append(space);
            Children[i].Value.Write(text, space, written);
        }

        text.Append(space).Append(IsObject ? '}' : ']');
    }
}
