using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Jint.Runtime;

namespace Bam.Tokenization.Chat;

/// <summary>
/// A chat template: turns conversations into text, with the result of transformers' <c>apply_chat_template</c>. Thread-safe.
/// </summary>
internal sealed partial class ChatTemplate
{
    // Ends the last message while it is rendered, to find its end in the text.
    private const string ContinuationTag = "CONTINUE_FINAL_MESSAGE_TAG ";
    private const string EpochVariable = "SOURCE_DATE_EPOCH";
    private const char FirstMark = '\uE000';

    private static readonly JsonElement True = JsonElement.Parse("true");
    private static readonly JsonElement False = JsonElement.Parse("false");
    private static readonly JsonElement Null = JsonElement.Parse("null");

    private readonly string source;
    private readonly IReadOnlyDictionary<string, JsonElement> tokens;
    private readonly DateTimeOffset now = Now();
    private readonly ConcurrentBag<JinjaEngine> engines = [];
    private readonly Lazy<bool> takesParts;

    /// <summary>A template in Jinja.</summary>
    /// <param name="source">The template.</param>
    /// <param name="where">Its file, for messages.</param>
    /// <param name="tokens">The special tokens, which are variables, by their names.</param>
    public ChatTemplate(string source, string where, IReadOnlyDictionary<string, JsonElement> tokens)
    {
        (this.source, Where, this.tokens) = (source, where, tokens);
        takesParts = new(FindTakesParts);
        MarksAnswers = GenerationTag().IsMatch(source);
        DependsOnDate = source.Contains("strftime_now", StringComparison.Ordinal);
        var ordered = tokens.OrderBy(token => token.Key, StringComparer.Ordinal).Select(token => $"{token.Key}={token.Value}");
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', [source, .. ordered]))));
    }

    /// <summary>The template itself.</summary>
    public string Source => source;

    /// <summary>The file, for messages.</summary>
    public string Where { get; }

    /// <summary>SHA-256 over the template and the special tokens, in lower-case hexadecimal.</summary>
    public string Sha256 { get; }

    /// <summary>True if the template itself marks the answers, by <c>generation</c> blocks.</summary>
    public bool MarksAnswers { get; }

    /// <summary>True if the text may contain the date: today's, or that of SOURCE_DATE_EPOCH.</summary>
    public bool DependsOnDate { get; }

    /// <summary>Compiles the template, so that a fault of its syntax comes before other work.</summary>
    /// <exception cref="InvalidInputException">Its syntax is wrong.</exception>
    public void Check() => engines.Add(new JinjaEngine(source, Where));

    /// <summary>Renders a conversation; with a prompt for an answer, the assistant's turn is opened at the end.</summary>
    /// <exception cref="InvalidInputException">The template fails, refuses the messages or exceeds a limit.</exception>
    public RenderedChat Render(Conversation conversation, bool addGenerationPrompt = false) =>
        Render(MessagesOf(conversation), conversation, addGenerationPrompt);

    /// <summary>Renders a conversation up to the end of the last message's text, for a model to continue it.</summary>
    /// <exception cref="InvalidInputException">
    /// The template fails, or the last message has no text or is not in the rendering.
    /// </exception>
    public string RenderToContinue(Conversation conversation)
    {
        var messages = JsonNode.Parse(MessagesOf(conversation).GetRawText())!.AsArray();
        var final = LastTextOf(messages, out var append)
            ?? throw new InvalidInputException(Where, "text in the last message, which is to be continued", "none", "add some");
        append(ContinuationTag);
        var text = Render(JsonElement.Parse(messages.ToJsonString()), conversation, addGenerationPrompt: false).Text;
        var place = text.LastIndexOf(ContinuationTag.TrimEnd(), StringComparison.Ordinal);
        if (place < 0 || !text.Contains(final.Trim(), StringComparison.Ordinal))
        {
            throw new InvalidInputException(
                Where, "a template that writes the last message, which is to be continued", "another",
                "end the messages with one of the user");
        }

        // A template that strips the message leaves no space at its end.
        var keepsSpace = text.AsSpan(place).StartsWith(ContinuationTag, StringComparison.Ordinal);
        return keepsSpace ? text[..place] : text[..place].TrimEnd();
    }

    private JsonElement MessagesOf(Conversation conversation) =>
        conversation.HasParts && !takesParts.Value ? conversation.WithPartsJoined() : conversation.Messages;

    private RenderedChat Render(JsonElement messages, Conversation conversation, bool addGenerationPrompt)
    {
        var variables = JinjaValues.Object(
        [
            .. tokens.Select(token => (token.Key, token.Value)),
            ("messages", messages),
            ("tools", conversation.Tools ?? Null),
            ("documents", conversation.Documents ?? Null),
            ("add_generation_prompt", addGenerationPrompt ? True : False),
        ]);
        var mark = UnusedMark(variables);
        var (opening, closing) = (mark, (char)(mark + 1));
        if (!engines.TryTake(out var engine)) engine = new JinjaEngine(source, Where);
        try
        {
            var text = engine.Render(variables, opening, closing, now, Where);
            engines.Add(engine);
            return RenderedChat.Of(text, opening, closing);
        }
        catch (InvalidInputException e)
        {
            // An engine that reached a limit may have stopped anywhere.
            if (e.InnerException is JavaScriptException) engines.Add(engine);
            else engine.Dispose();
            throw;
        }
    }

    // Two private-use characters that neither the template nor the messages have, written or escaped.
    private char UnusedMark(string variables)
    {
        for (var mark = FirstMark; ; mark += (char)2)
            if (!Has(mark) && !Has((char)(mark + 1))) return mark;

        bool Has(char letter)
        {
            var escape = string.Create(CultureInfo.InvariantCulture, $"{(int)letter:x4}");
            return source.Contains(letter) || variables.Contains(letter)
                || source.Contains(escape, StringComparison.OrdinalIgnoreCase)
                || variables.Contains(escape, StringComparison.OrdinalIgnoreCase);
        }
    }

    private bool FindTakesParts()
    {
        const string probe = "a text to find";
        try
        {
            var parts = Conversation.Parse($$"""[{"role":"user","content":[{"type":"text","text":"{{probe}}"}]}]""", Where);
            var text = Render(parts.Messages, parts, addGenerationPrompt: false).Text;
            return text.Contains(probe, StringComparison.Ordinal) && !text.Contains("'type'", StringComparison.Ordinal);
        }
        catch (InvalidInputException)
        {
            return false;
        }
    }

    private static string? LastTextOf(JsonArray messages, out Action<string> append)
    {
        var last = messages[^1]!.AsObject();
        append = tag => last["content"] = last["content"]!.GetValue<string>() + tag;
        if (last["content"] is JsonValue value) return value.GetValue<string>();
        var part = (last["content"] as JsonArray)?.LastOrDefault(part => part?["text"] is not null)?.AsObject();
        append = tag => part!["text"] = part["text"]!.GetValue<string>() + tag;
        return part?["text"]!.GetValue<string>();
    }

    // SOURCE_DATE_EPOCH is the convention of reproducible builds: seconds since 1970, in UTC.
    private static DateTimeOffset Now() =>
        long.TryParse(Environment.GetEnvironmentVariable(EpochVariable), CultureInfo.InvariantCulture, out var seconds)
            ? DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, 0, 253_402_300_799))
            : DateTimeOffset.Now;

    [GeneratedRegex(@"\{%[-+]?\s*generation\s*[-+]?%\}")]
    private static partial Regex GenerationTag();
}

/// <summary>A rendered conversation.</summary>
/// <param name="Text">The text.</param>
/// <param name="Generated">
/// The ranges of the text that <c>generation</c> blocks enclose, in order, not adjacent to each other.
/// </param>
internal sealed record RenderedChat(string Text, IReadOnlyList<Range> Generated)
{
    /// <summary>Takes the marks out of a text; a mark that the template moved out of its pair does not count.</summary>
    public static RenderedChat Of(string marked, char opening, char closing)
    {
        if (marked.AsSpan().IndexOfAny(opening, closing) < 0) return new(marked, []);
        var (text, ranges, depth, start) = (new StringBuilder(marked.Length), new List<Range>(), 0, 0);
        foreach (var letter in marked)
        {
            if (letter == opening && depth++ == 0) start = text.Length;
            else if (letter == closing && depth > 0 && --depth == 0 && text.Length > start) ranges.Add(start..text.Length);
            else if (letter != opening && letter != closing) text.Append(letter);
        }

        return new(text.ToString(), ranges);
    }
}
