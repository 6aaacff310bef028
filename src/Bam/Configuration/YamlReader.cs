using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Bam.Configuration;

/// <summary>Reads a YAML mapping and resolves aliases and merge keys.</summary>
internal static class YamlReader
{
    /// <summary>Reads one document; <paramref name="file"/> is its name in messages.</summary>
    /// <exception cref="InvalidInputException">The text is not YAML, exceeds a limit or is not a mapping.</exception>
    public static YamlMappingNode Read(string yaml, string file)
    {
        var stream = new YamlStream();
        try
        {
            stream.Load(new YamlEvents(yaml, file));
        }
        catch (YamlException e)
        {
            throw new InvalidInputException(
                $"{file}:{e.Start.Line}: is not valid YAML ({e.Message.ReplaceLineEndings(" ").TrimEnd('.')})", e);
        }

        if (stream.Documents.Count == 0)
            throw new InvalidInputException(file, "keys and values", "an empty file", "see --schema for the keys");
        if (stream.Documents[0].RootNode is not YamlMappingNode root)
            throw new InvalidInputException(
                SectionLocation.At(file, stream.Documents[0].RootNode), "keys and values", "something else",
                "write 'key: value' lines");
        Merge(root, file);
        return root;
    }

    /// <summary>Expands '&lt;&lt;' in place. The mapping's own keys win, then the earlier of several merged mappings.</summary>
    private static void Merge(YamlNode node, string file)
    {
        if (node is YamlSequenceNode list)
            foreach (var item in list) Merge(item, file);
        if (node is not YamlMappingNode mapping) return;
        foreach (var value in mapping.Children.Values) Merge(value, file);
        if (!mapping.Children.Keys.Any(IsMergeKey)) return;
        var written = mapping.Children.ToList();
        var own = mapping.Children.Keys.ToHashSet();
        mapping.Children.Clear();
        foreach (var (key, value) in written)
        {
            if (!IsMergeKey(key)) mapping.Children[key] = value;
            else
                foreach (var (name, brought) in Sources(value, file).SelectMany(source => source.Children))
                    if (!own.Contains(name)) mapping.Children.TryAdd(name, brought);
        }
    }

    private static IEnumerable<YamlMappingNode> Sources(YamlNode value, string file)
    {
        var sources = value is YamlSequenceNode list ? list.Children : [value];
        return sources.Select(source => source as YamlMappingNode ?? throw new InvalidInputException(
            $"{SectionLocation.At(file, source)}: key '<<'", "keys and values, or a list of them", "something else",
            "name an anchor of such, as '<<: *common'"));
    }

    private static bool IsMergeKey(YamlNode key) => key is YamlScalarNode { Style: ScalarStyle.Plain, Value: "<<" };
}

/// <summary>
/// The events of one YAML document with aliases expanded. Depth, nodes and text are limited after the expansion, so that a small
/// file with nested aliases cannot exhaust memory.
/// </summary>
internal sealed class YamlEvents : IParser
{
    /// <summary>Limit for the bytes of a file and for the characters of all its values.</summary>
    public const int MaxCharacters = 1 << 20;

    private const int MaxDepth = 64;
    private const int MaxNodes = 100_000;

    private readonly string file;
    private readonly List<ParsingEvent> events = [];
    private readonly Dictionary<AnchorName, Range> anchors = [];
    private readonly Stack<(AnchorName Anchor, int Start)> open = [];
    private int level;
    private int nodes;
    private long text;
    private int next = -1;

    /// <summary>Reads all events; <paramref name="file"/> is the name in messages.</summary>
    /// <exception cref="YamlException">The text is not YAML.</exception>
    /// <exception cref="InvalidInputException">
    /// It has more than one document, an alias without an anchor, a tag, or exceeds a limit.
    /// </exception>
    public YamlEvents(string yaml, string file)
    {
        this.file = file;
        var parser = new Parser(new StringReader(yaml));
        while (HasNext(parser))
        {
            if (parser.Current is AnchorAlias alias) Repeat(alias);
            else Read(parser.Current!);
        }
    }

    public ParsingEvent? Current => next >= 0 && next < events.Count ? events[next] : null;

    public bool MoveNext() => ++next < events.Count;

    private bool HasNext(Parser parser)
    {
        try
        {
            return parser.MoveNext();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet's scanner throws these on some unclosed brackets and on escapes beyond Unicode.
            var line = events.Count > 0 ? events[^1].End.Line : 1;
            throw new InvalidInputException(
                $"{file}:{line}: is not valid YAML (a bracket is not closed behind here, or an escape names no character)", e);
        }
    }

    private void Read(ParsingEvent found)
    {
        if (found is DocumentStart && events.Exists(e => e is DocumentStart))
            throw Fault(found, "expected one YAML document, found a second; remove the '---' line");
        if (found is NodeEvent { Anchor: { IsEmpty: false } anchor })
        {
            // The anchor is undefined until its node is complete.
            anchors.Remove(anchor);
            if (found is Scalar) anchors[anchor] = events.Count..(events.Count + 1);
        }

        if (found is SequenceStart or MappingStart) open.Push((((NodeEvent)found).Anchor, events.Count));
        Add(found is NodeEvent { Tag.IsEmpty: false } tagged ? WithoutTag(tagged) : found);
        if (found is SequenceEnd or MappingEnd && open.Pop() is { Anchor.IsEmpty: false } ended)
            anchors[ended.Anchor] = ended.Start..events.Count;
    }

    private void Repeat(AnchorAlias alias)
    {
        if (!anchors.TryGetValue(alias.Value, out var range))
            throw Fault(alias, open.Any(node => node.Anchor == alias.Value)
                ? $"alias '*{alias.Value}' stands inside its own anchor '&{alias.Value}'; write out what is meant"
                : $"alias '*{alias.Value}' has no anchor '&{alias.Value}' before it; add the anchor or write out what is meant");
        for (var i = range.Start.Value; i < range.End.Value; i++) Add(events[i]);
    }

    private void Add(ParsingEvent found)
    {
        if (found is SequenceStart or MappingStart && ++level > MaxDepth)
            throw Fault(found, $"expected at most {MaxDepth} levels, found more; is it the right file?");
        if (found is SequenceEnd or MappingEnd) level--;
        if (found is NodeEvent && ++nodes > MaxNodes)
            throw Fault(
                found,
                $"expected at most {MaxNodes:N0} keys and values, aliases counted as what they stand for, found more; is it "
                    + "the right file?");
        if (found is Scalar scalar)
        {
            text += scalar.Value.Length;
            if (text > MaxCharacters)
                throw Fault(
                    found,
                    $"expected at most {MaxCharacters:N0} characters, aliases counted as what they stand for, found more; is it "
                        + "the right file?");
            if (scalar.Value.Contains('\0')) throw Fault(found, "expected text, found a NUL character in it; remove it");
        }

        events.Add(found);
    }

    // The core tags of strings, sequences and mappings are redundant; others would change the meaning.
    private ParsingEvent WithoutTag(NodeEvent tagged) => (tagged, tagged.Tag.Value) switch
    {
        (Scalar scalar, "tag:yaml.org,2002:str" or "!") =>
            new Scalar(
                scalar.Anchor, TagName.Empty, scalar.Value, ScalarStyle.DoubleQuoted, false, true, scalar.Start, scalar.End),
        (SequenceStart list, "tag:yaml.org,2002:seq" or "!") => new SequenceStart(
            list.Anchor, TagName.Empty, true, list.Style, list.Start, list.End),
        (MappingStart map, "tag:yaml.org,2002:map" or "!") => new MappingStart(
            map.Anchor, TagName.Empty, true, map.Style, map.Start, map.End),
        var (_, tag) =>
            throw Fault(
                tagged, $"tag '{tag.Replace("tag:yaml.org,2002:", "!!", StringComparison.Ordinal)}' is not supported; remove it"),
    };

    private InvalidInputException Fault(ParsingEvent found, string message) => new($"{file}:{found.Start.Line}: {message}");
}

/// <summary>
/// Converts YAML to JSON by the core schema of YAML 1.2: plain scalars are typed by their content, quoted ones are strings.
/// </summary>
internal static class YamlJson
{
    /// <summary>The node as JSON. Null becomes a JSON null inside containers and "" at the top.</summary>
    /// <exception cref="InvalidInputException">
    /// It cannot be expressed in JSON: a key is not a scalar, a number is not finite.
    /// </exception>
    public static JsonNode Of(YamlNode node, string file = "the configuration") => Convert(node, file) ?? JsonValue.Create("");

    private static JsonNode? Convert(YamlNode node, string file) => node switch
    {
        YamlMappingNode mapping => new JsonObject(
            mapping.Select(m => KeyValuePair.Create(Name(m.Key, file), Convert(m.Value, file)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Select(item => Convert(item, file))]),
        YamlScalarNode { Style: ScalarStyle.Plain or ScalarStyle.Any, Value: { } text } =>
            Plain(text) is { } value ? Finite(value, node, file) : null,
        YamlScalarNode scalar => JsonValue.Create(scalar.Value ?? ""),
        _ => null,
    };

    private static string Name(YamlNode key, string file) => key is YamlScalarNode scalar
        ? scalar.Value ?? ""
        : throw new InvalidInputException(
            SectionLocation.At(file, key), "a name as key", key is YamlSequenceNode ? "a list" : "keys and values",
            "write 'name: value'");

    private static JsonValue Finite(JsonValue value, YamlNode node, string file) =>
        !value.TryGetValue<double>(out var number) || double.IsFinite(number)
        ? value
        : throw new InvalidInputException(
            SectionLocation.At(file, node), "a finite number", $"'{node}'", "write another, or put quotes around a text");

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" => JsonValue.Create(true),
        "false" or "False" or "FALSE" => JsonValue.Create(false),
        _ when long.TryParse(
            text.Replace("_", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
            out var integer) =>
            JsonValue.Create(integer),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) =>
            JsonValue.Create(number),
        _ => JsonValue.Create(text),
    };
}
