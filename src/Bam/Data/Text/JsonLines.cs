using System.Text;
using System.Text.Json;
using Bam.Files;
using Bam.Tokenization.Chat;

namespace Bam.Data.Text;

/// <summary>
/// Reads documents from JSONL: one object per line with the text in one of its fields. Other fields are ignored.
/// </summary>
internal static class JsonLines
{
    /// <summary>Limit for the bytes of a line: 256 MiB.</summary>
    public const int MaxLineBytes = 1 << 28;

    // The limit of Python's json module is about 1,000.
    private const int MaxDepth = 10_000;

    private const string Hint = "mend the line or take it out";
    private const string ArrayHint =
        "the file looks like one JSON array: write each of its elements on a line of its own, for example with 'jq -c .[]'";

    /// <summary>
    /// The documents of a stream, which is left open; blank lines are skipped. Each line may begin with a byte order mark, as in
    /// concatenated files.
    /// </summary>
    /// <exception cref="InvalidInputException">A line is too long.</exception>
    public static IEnumerable<TextDocument> Read(
        Stream stream, string file, DocumentFormat format, BadLines bad, int maxLineBytes = MaxLineBytes)
    {
        var lines = new LineReader(stream, file, maxLineBytes, (line, beginning) => TooLong(line, beginning, maxLineBytes));
        while (TryReadNext(lines, format, bad, out var document)) yield return document;
    }

    /// <summary>True if the first line is a JSON object with a string under <paramref name="key"/>.</summary>
    public static bool LooksLikeOne(ReadOnlySpan<byte> text, string key)
    {
        text = Utf8Bytes.WithoutMark(text);
        var end = text.IndexOf((byte)'\n');
        if (end >= 0) text = text[..end];
        if (text is not [(byte)'{', ..]) return false;
        try
        {
            return JsonElement.Parse(text).TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.String;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool TryReadNext(LineReader lines, DocumentFormat format, BadLines bad, out TextDocument document)
    {
        while (lines.TryRead(out var line))
        {
            line = Utf8Bytes.WithoutMark(line).TrimEnd(" \t\r\n"u8);
            if (line.IsEmpty) continue;
            if (Parse(line, lines.Origin, format, out document) is not { } fault) return true;
            bad.Add(fault);
        }

        document = default;
        return false;
    }

    private static BadLine? Parse(
        ReadOnlySpan<byte> line, DocumentOrigin origin, DocumentFormat format, out TextDocument document)
    {
        document = default;
        // The parser would not detect invalid bytes before a string is read.
        if (Utf8Bytes.IndexOfInvalid(line) is >= 0 and var at)
            return new($"{origin}", "UTF-8 text", StrictUtf8.Describe(line, at), StrictUtf8.HintFor(line));
        try
        {
            return format.IsChat
                ? ReadConversation(line, origin, format, out document)
                : ReadFields(line, origin, format, out document);
        }
        catch (JsonException e)
        {
            return NonFiniteNumbers.Replaced(line) is { } replaced
                ? Parse(replaced, origin, format, out document)
                : new($"{origin}", "a JSON object", $"damage at byte {e.BytePositionInLine} of the line", Hint);
        }
    }

    private static BadLine? ReadConversation(
        ReadOnlySpan<byte> line, DocumentOrigin origin, DocumentFormat format, out TextDocument document)
    {
        document = default;
        var root = JsonElement.Parse(line);
        if (root.ValueKind == JsonValueKind.Array && origin.Line == 1)
            return new($"{origin}", "a JSON object", "an array", ArrayHint);
        if (JsonUnicode.FaultOf(line) is { } fault) return new($"{origin}", "Unicode text", fault.Found, Hint);
        try
        {
            var key = format.TextKey == DocumentFormat.DefaultTextKey ? null : format.TextKey;
            var conversation = Conversation.Parse(root, $"{origin}", key);
            string? group = null;
            if (format.GroupKey is { } groupKey)
            {
                if (!root.TryGetProperty(groupKey, out var value) || value.ValueKind != JsonValueKind.String)
                    return new($"{origin}", $"a string in the field \"{groupKey}\"", "none", "name the field with --group-key");
                group = value.GetString();
            }

            document = new(origin, conversation.Words.AsMemory(), group, conversation);
            return null;
        }
        catch (InvalidInputException e)
        {
            return BadLine.Of(e.Message);
        }
    }

    private static BadLine? ReadFields(
        ReadOnlySpan<byte> line, DocumentOrigin origin, DocumentFormat format, out TextDocument document)
    {
        document = default;
        var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = int.MaxValue });
        var (text, group) = (
            new Field(format.TextKey, "name the text's field with --text-key"),
            new Field(format.GroupKey, "name the field of the slices' document with --group-key"));
        if (reader.Read() && reader.TokenType != JsonTokenType.StartObject)
        {
            var isArray = origin.Line == 1 && reader.TokenType == JsonTokenType.StartArray;
            return new($"{origin}", "a JSON object", Describe(reader.TokenType), isArray ? ArrayHint : Hint);
        }

        while (reader.Read())
        {
            if (reader.CurrentDepth > MaxDepth)
                return new($"{origin}", $"JSON of at most {MaxDepth:N0} levels", "a deeper one", Hint);
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth > 1) continue;
            var (isText, isGroup) = (text.IsNamedBy(ref reader), group.IsNamedBy(ref reader));
            if (!isText && !isGroup) continue;
            reader.Read();
            if (isText) text.Set(ref reader);
            if (isGroup) group.Set(ref reader);
        }

        if (text.Fault(line, origin, mayBeNull: true) is { } fault) return fault;
        if (format.GroupKey is not null && group.Fault(line, origin, mayBeNull: false) is { } groupFault) return groupFault;
        document = new(origin, text.Value, format.GroupKey is null ? null : group.Value.ToString());
        TextDocument.Memory.Return(group.Value);
        return null;
    }

    private static InvalidInputException TooLong(DocumentOrigin line, ReadOnlySpan<byte> beginning, int maxLineBytes) =>
        beginning.TrimStart(" \t\r"u8).StartsWith("["u8)
            ? new(
                $"{line}", $"one JSON document a line, of at most {maxLineBytes:N0} bytes", "a longer line that begins with '['",
                ArrayHint)
            : new(
                $"{line}", $"one JSON document a line, of at most {maxLineBytes:N0} bytes", "a longer line",
                "write each document on a line of its own, or split it");

    private static string Describe(JsonTokenType value) => value switch
    {
        JsonTokenType.StartObject => "an object",
        JsonTokenType.StartArray => "an array",
        JsonTokenType.String => "a string",
        JsonTokenType.Number => "a number",
        JsonTokenType.Null => "null",
        _ => "a truth value",
    };

    /// <summary>One field of a line.</summary>
    private struct Field(string? key, string hint)
    {
        private JsonTokenType type; // None if absent
        private bool isHalfPair;
        private bool isTwice; // with two values

        /// <summary>Rented; empty for null.</summary>
        public ReadOnlyMemory<char> Value { get; private set; }

        public readonly bool IsNamedBy(ref Utf8JsonReader reader)
        {
            try
            {
                return key is not null && reader.ValueTextEquals(key);
            }
            catch (InvalidOperationException)
            {
                return false; // an unpaired surrogate in the name, which no key has
            }
        }

        public void Set(ref Utf8JsonReader reader)
        {
            var (typeBefore, valueBefore) = (type, Value);
            type = reader.TokenType;
            try
            {
                Value = type == JsonTokenType.String ? Rent(ref reader) : default;
            }
            catch (InvalidOperationException)
            {
                isHalfPair = true;
            }

            isTwice |= typeBefore != JsonTokenType.None && (type != typeBefore || !Value.Span.SequenceEqual(valueBefore.Span));
        }

        public readonly BadLine? Fault(ReadOnlySpan<byte> line, DocumentOrigin origin, bool mayBeNull)
        {
            if (type == JsonTokenType.None) return new($"{origin}", $"the field \"{key}\"", NamesIn(line), hint);
            var where = $"{origin}, field \"{key}\"";
            if (isHalfPair) return new(where, "text", "half a surrogate pair (\\ud800 to \\udfff)", Hint);
            if (isTwice) return new(where, "one value", "two different ones", Hint);
            return type == JsonTokenType.String || (mayBeNull && type == JsonTokenType.Null)
                ? null
                : new(where, "a string", Describe(type), hint);
        }

        private static ReadOnlyMemory<char> Rent(ref Utf8JsonReader reader)
        {
            var characters = TextDocument.Memory.Rent(Encoding.UTF8.GetCharCount(reader.ValueSpan));
            return characters[..reader.CopyString(characters.Span)];
        }

        private static string NamesIn(ReadOnlySpan<byte> line)
        {
            const int MaxNames = 8;
            const int MaxNameLength = 40;
            var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = int.MaxValue });
            var names = new List<string>();
            while (names.Count <= MaxNames && reader.Read())
            {
                // As written in the file: without control characters or unpaired surrogates.
                if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 1)
                    names.Add(Encoding.UTF8.GetString(reader.ValueSpan));
            }

            if (names.Count == 0) return "no field";
            var quoted = names.Take(MaxNames).Select(name => $"\"{ShortText.Of(name, MaxNameLength)}\"");
            return $"only {string.Join(", ", quoted)}{(names.Count > MaxNames ? " …" : "")}";
        }
    }
}

/// <summary>
/// Handles numbers that Python's json module writes although JSON does not have them: NaN, Infinity and -Infinity.
/// </summary>
internal static class NonFiniteNumbers
{
    /// <summary>
    /// The JSON with each replaced by 0 and spaces, so that offsets stay the same; null if there is none outside strings.
    /// </summary>
    public static byte[]? Replaced(ReadOnlySpan<byte> json)
    {
        byte[]? replaced = null;
        for (var i = 0; i < json.Length; i++)
        {
            if (json[i] == '"')
            {
                i = EndOfString(json, i);
                continue;
            }

            var length = json[i..].StartsWith("NaN"u8) ? 3 : json[i..].StartsWith("Infinity"u8) ? 8 : 0;
            if (length == 0) continue;
            replaced ??= json.ToArray();
            replaced.AsSpan(i, length).Fill((byte)' ');
            replaced[i] = (byte)'0';
            i += length - 1;
        }

        return replaced;
    }

    private static int EndOfString(ReadOnlySpan<byte> json, int start)
    {
        var i = start + 1;
        while (i < json.Length && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
        return i;
    }
}
