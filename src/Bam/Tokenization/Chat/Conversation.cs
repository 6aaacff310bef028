using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bam.Files;

namespace Bam.Tokenization.Chat;

/// <summary>
/// A conversation as chat templates read it: messages with <c>role</c> and <c>content</c>, and what belongs to it. ShareGPT's
/// <c>from</c> and <c>value</c> are converted.
/// </summary>
internal sealed class Conversation
{
    private const string MessagesKey = "messages";
    private const string ShareGptKey = "conversations";
    private const string Hint = "mend the conversation or take it out";

    private static readonly Dictionary<string, string> Roles = new(StringComparer.OrdinalIgnoreCase)
    {
        ["human"] = "user", ["user"] = "user", ["prompter"] = "user",
        ["gpt"] = Assistant, ["assistant"] = Assistant, ["chatgpt"] = Assistant, ["bot"] = Assistant, ["model"] = Assistant,
        ["bing"] = Assistant, ["bard"] = Assistant,
        ["system"] = "system", ["developer"] = "developer",
        ["tool"] = "tool", ["function"] = "tool", ["observation"] = "tool", ["function_response"] = "tool",
    };

    private Conversation(JsonElement messages, JsonElement? tools, JsonElement? documents)
    {
        (Messages, Tools, Documents) = (messages, tools, documents);
        HasParts = messages.EnumerateArray().Any(message => ContentOf(message) is { ValueKind: JsonValueKind.Array });
    }

    /// <summary>The role whose messages are answers.</summary>
    public const string Assistant = "assistant";

    /// <summary>A list of objects with <c>role</c>; their <c>content</c> is a string, a list of text parts, or absent.</summary>
    public JsonElement Messages { get; }

    /// <summary>JSON schemas of functions; null for none.</summary>
    public JsonElement? Tools { get; }

    public JsonElement? Documents { get; }

    /// <summary>True if the content of a message is a list.</summary>
    public bool HasParts { get; }

    public int Count => Messages.GetArrayLength();

    /// <summary>The text of the messages, without the system's and without the template's, one after the other.</summary>
    public string Words => string.Join(
        '\n', Messages.EnumerateArray().Where(message => RoleOf(message) is not ("system" or "developer")).Select(TextOf));

    /// <summary>The role of a message.</summary>
    public string RoleAt(int index) => RoleOf(Messages[index]);

    /// <summary>The first messages.</summary>
    public Conversation First(int count)
    {
        var first = new JsonArray(
            [.. Messages.EnumerateArray().Take(count).Select(message => JsonNode.Parse(message.GetRawText()))]);
        return new(Element(first), Tools, Documents);
    }

    /// <summary>The messages with lists of text parts joined by line breaks, for templates that know strings alone.</summary>
    public JsonElement WithPartsJoined()
    {
        var messages = JsonNode.Parse(Messages.GetRawText())!.AsArray();
        foreach (var message in messages)
        {
            if (message!["content"] is not JsonArray parts) continue;
            message["content"] = string.Join('\n', parts.Select(part => part!["text"]!.GetValue<string>()));
        }

        return Element(messages);
    }

    /// <summary>One message of the user, after one of the system if there is any.</summary>
    public static Conversation Of(string? system, string user)
    {
        var messages = new JsonArray();
        if (system is not null) messages.Add(Message("system", system));
        messages.Add(Message("user", user));
        return new(Element(messages), null, null);
    }

    /// <summary>The conversation with one more message.</summary>
    public Conversation With(string role, string content)
    {
        var messages = JsonNode.Parse(Messages.GetRawText())!.AsArray();
        messages.Add(Message(role, content));
        return new(Element(messages), Tools, Documents);
    }

    /// <summary>
    /// Reads a list of messages, or an object with one under <c>messages</c> or <c>conversations</c>, and <c>tools</c> and
    /// <c>documents</c> where they exist.
    /// </summary>
    /// <exception cref="InvalidInputException">It is not JSON, or not such a conversation.</exception>
    public static Conversation Parse(string json, string where) =>
        Parse(JsonInput.Parse(Encoding.UTF8.GetBytes(json), where, Hint), where);

    /// <summary>Reads parsed JSON; the messages are under <paramref name="key"/>, if that is given.</summary>
    /// <exception cref="InvalidInputException">It is no conversation.</exception>
    public static Conversation Parse(JsonElement root, string where, string? key = null)
    {
        if (root.ValueKind == JsonValueKind.Array) return new(MessagesOf(root, where), null, null);
        if (root.ValueKind != JsonValueKind.Object)
            throw new InvalidInputException(where, "an object or a list of messages", JsonInput.Describe(root), Hint);
        string[] keys = key is null ? [MessagesKey, ShareGptKey] : [key];
        foreach (var name in keys)
        {
            if (!root.TryGetProperty(name, out var messages)) continue;
            if (messages.ValueKind == JsonValueKind.Null) messages = JsonElement.Parse("[]");
            var place = $"{where}, \"{name}\"";
            return messages.ValueKind == JsonValueKind.Array
                ? new(MessagesOf(messages, place), ListOf(root, "tools", where), ListOf(root, "documents", where))
                : throw new InvalidInputException(place, "a list of messages", JsonInput.Describe(messages), Hint);
        }

        var names = root.EnumerateObject().Select(member => $"\"{ShortText.Of(member.Name, 40)}\"").Take(8).ToList();
        throw new InvalidInputException(
            where, $"the field {string.Join(" or ", keys.Select(name => $"\"{name}\""))}",
            names.Count == 0 ? "no field" : $"only {string.Join(", ", names)}", "name it so, or build text data without --chat");
    }

    private static JsonElement MessagesOf(JsonElement list, string where)
    {
        var messages = new JsonArray();
        foreach (var (index, message) in list.EnumerateArray().Index())
            messages.Add(MessageOf(message, $"{where}[{index}]"));
        return Element(messages);
    }

    private static JsonObject MessageOf(JsonElement message, string where)
    {
        if (message.ValueKind != JsonValueKind.Object)
            throw new InvalidInputException(where, "a message", JsonInput.Describe(message), Hint);
        var read = (JsonObject)WithoutDuplicates(message)!;
        var isShareGpt = !read.ContainsKey("role") && read.ContainsKey("from");
        var roleKey = isShareGpt ? "from" : "role";
        if (!message.TryGetProperty(roleKey, out var role) || role.ValueKind != JsonValueKind.String)
        {
            throw new InvalidInputException(
                $"{where}, \"{roleKey}\"", "the name of a role",
                role.ValueKind == JsonValueKind.Undefined ? "none" : JsonInput.Describe(role), Hint);
        }

        if (isShareGpt)
        {
            if (!Roles.TryGetValue(role.GetString()!, out var known))
            {
                throw new InvalidInputException(
                    $"{where}, \"from\"", "human, gpt, system, tool or another name of them",
                    $"'{ShortText.Of(role.GetString()!)}'", Hint);
            }

            var value = read["value"];
            read.Remove("from");
            read.Remove("value");
            read.Insert(0, "role", known);
            read.Insert(1, "content", value);
        }

        ReadContent(read, where);
        ReadToolCalls(read);
        return read;
    }

    // A string or a list of parts with text; a number is its digits; nothing is the empty text, unless tools are called.
    private static void ReadContent(JsonObject message, string where)
    {
        var calls = message["tool_calls"] is JsonArray { Count: > 0 };
        switch (message["content"])
        {
            case null when calls:
                return;
            case null:
                message["content"] = "";
                return;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                return;
            case JsonValue value when value.GetValueKind() == JsonValueKind.Number:
                message["content"] = value.ToJsonString();
                return;
            case JsonArray parts:
                for (var i = 0; i < parts.Count; i++) parts[i] = PartOf(parts[i], $"{where}, \"content\"[{i}]");
                return;
            case var other:
                throw new InvalidInputException(
                    $"{where}, \"content\"", "text, or a list of parts with text",
                    JsonInput.Describe(JsonElement.Parse(other.ToJsonString())), Hint);
        }
    }

    private static JsonObject PartOf(JsonNode? part, string where)
    {
        if (part is JsonValue text && text.GetValueKind() == JsonValueKind.String)
            return new JsonObject { ["type"] = "text", ["text"] = text.GetValue<string>() };
        if (part is JsonObject given && given["text"] is JsonValue content && content.GetValueKind() == JsonValueKind.String)
            return given.DeepClone().AsObject();
        var found = (part as JsonObject)?["type"] is JsonValue type && type.GetValueKind() == JsonValueKind.String
            ? $"'{ShortText.Of(type.GetValue<string>())}'"
            : "another";
        throw new InvalidInputException(where, "a part of the type 'text'", found, "Bam's models read text alone; take it out");
    }

    // As OpenAI's interface returns them, arguments are JSON in a string; templates write objects.
    private static void ReadToolCalls(JsonObject message)
    {
        if (message["tool_calls"] is not JsonArray calls) return;
        foreach (var call in calls.OfType<JsonObject>())
        {
            var function = call["function"] as JsonObject ?? call;
            if (function["arguments"] is not JsonValue text || text.GetValueKind() != JsonValueKind.String) continue;
            try
            {
                var arguments = JsonElement.Parse(text.GetValue<string>());
                if (arguments.ValueKind == JsonValueKind.Object) function["arguments"] = WithoutDuplicates(arguments);
            }
            catch (JsonException)
            {
                // A template may still write it as it is.
            }
        }
    }

    // Some data sets hold it as JSON in a string.
    private static JsonElement? ListOf(JsonElement root, string name, string where)
    {
        if (!root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind == JsonValueKind.String)
        {
            if (string.IsNullOrWhiteSpace(value.GetString())) return null;
            value = JsonInput.Parse(Encoding.UTF8.GetBytes(value.GetString()!), $"{where}, \"{name}\"", Hint);
        }

        if (value.ValueKind != JsonValueKind.Array)
            throw new InvalidInputException($"{where}, \"{name}\"", "a list", JsonInput.Describe(value), Hint);
        return value.GetArrayLength() == 0 ? null : value;
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static string RoleOf(JsonElement message) => message.GetProperty("role").GetString()!;

    private static JsonElement? ContentOf(JsonElement message) =>
        message.TryGetProperty("content", out var content) ? content : null;

    private static string TextOf(JsonElement message) => ContentOf(message) switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Array } parts => string.Join(
            '\n', parts.EnumerateArray().Select(part => part.GetProperty("text").GetString())),
        _ => message.TryGetProperty("tool_calls", out var calls) ? calls.GetRawText() : "",
    };

    // Of keys that are there twice the last one counts, as in Python.
    private static JsonNode? WithoutDuplicates(JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                var members = new JsonObject();
                foreach (var member in value.EnumerateObject()) members[member.Name] = WithoutDuplicates(member.Value);
                return members;
            case JsonValueKind.Array:
                return new JsonArray([.. value.EnumerateArray().Select(WithoutDuplicates)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonValue.Create(value);
        }
    }

    private static JsonElement Element(JsonNode node) => JsonElement.Parse(node.ToJsonString());
}
