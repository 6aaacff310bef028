using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Bam.Configuration;

/// <summary>
/// The events of one YAML document, each alias replaced by the events of its anchor. Levels, nodes and text are counted after that, so that
/// a few lines of aliases cannot stand for more than a file of this size could hold.
/// </summary>
internal sealed class YamlEvents : IParser
{
    /// <summary>The most bytes of a file, and the most characters of all its values.</summary>
    public const int MostText = 1 << 20;

    private const int MostLevels = 64;
    private const int MostNodes = 100_000;

    private readonly string file;
    private readonly List<ParsingEvent> events = [];
    private readonly Dictionary<AnchorName, Range> anchors = [];
    private readonly Stack<(AnchorName Anchor, int Start)> open = [];
    private int level;
    private int nodes;
    private long text;
    private int next = -1;

    /// <summary>Reads all events.</summary>
    /// <param name="yaml">The text.</param>
    /// <param name="file">Its name, for faults.</param>
    /// <exception cref="YamlException">The text is not YAML.</exception>
    /// <exception cref="InvalidInputException">It holds more than one document, an alias without an anchor, a tag, or too much.</exception>
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

    /// <inheritdoc/>
    public ParsingEvent? Current => next >= 0 && next < events.Count ? events[next] : null;

    /// <inheritdoc/>
    public bool MoveNext() => ++next < events.Count;

    private bool HasNext(Parser parser)
    {
        try
        {
            return parser.MoveNext();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            // YamlDotNet's scanner ends so on some brackets that are not closed and on escapes beyond Unicode.
            var line = events.Count > 0 ? events[^1].End.Line : 1;
            throw new InvalidInputException($"{file}:{line}: is not valid YAML (a bracket is not closed behind here, or an escape names no character)", e);
        }
    }

    private void Read(ParsingEvent found)
    {
        if (found is DocumentStart && events.Exists(e => e is DocumentStart))
            throw Fault(found, "expected one YAML document, found a second; remove the '---' line");
        if (found is NodeEvent { Anchor: { IsEmpty: false } anchor })
        {
            // Until its node is complete, the anchor stands for nothing.
            anchors.Remove(anchor);
            if (found is Scalar) anchors[anchor] = events.Count..(events.Count + 1);
        }

        if (found is SequenceStart or MappingStart) open.Push((((NodeEvent)found).Anchor, events.Count));
        Add(found is NodeEvent { Tag.IsEmpty: false } tagged ? WithoutTag(tagged) : found);
        if (found is SequenceEnd or MappingEnd && open.Pop() is { Anchor.IsEmpty: false } ended) anchors[ended.Anchor] = ended.Start..events.Count;
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
        if (found is SequenceStart or MappingStart && ++level > MostLevels)
            throw Fault(found, $"expected at most {MostLevels} levels, found more; is it the right file?");
        if (found is SequenceEnd or MappingEnd) level--;
        if (found is NodeEvent && ++nodes > MostNodes)
            throw Fault(found, $"expected at most {MostNodes:N0} keys and values, aliases counted as what they stand for, found more; is it the right file?");
        if (found is Scalar scalar)
        {
            text += scalar.Value.Length;
            if (text > MostText)
                throw Fault(found, $"expected at most {MostText:N0} characters, aliases counted as what they stand for, found more; is it the right file?");
            if (scalar.Value.Contains('\0')) throw Fault(found, "expected text, found a NUL character in it; remove it");
        }

        events.Add(found);
    }

    // YAML's own tags for text, lists and keys and values say what the node is already; others would change its meaning.
    private ParsingEvent WithoutTag(NodeEvent tagged) => (tagged, tagged.Tag.Value) switch
    {
        (Scalar scalar, "tag:yaml.org,2002:str" or "!") =>
            new Scalar(scalar.Anchor, TagName.Empty, scalar.Value, ScalarStyle.DoubleQuoted, false, true, scalar.Start, scalar.End),
        (SequenceStart list, "tag:yaml.org,2002:seq" or "!") => new SequenceStart(list.Anchor, TagName.Empty, true, list.Style, list.Start, list.End),
        (MappingStart map, "tag:yaml.org,2002:map" or "!") => new MappingStart(map.Anchor, TagName.Empty, true, map.Style, map.Start, map.End),
        var (_, tag) => throw Fault(tagged, $"tag '{tag.Replace("tag:yaml.org,2002:", "!!", StringComparison.Ordinal)}' is not supported; remove it"),
    };

    private InvalidInputException Fault(ParsingEvent found, string message) => new($"{file}:{found.Start.Line}: {message}");
}
