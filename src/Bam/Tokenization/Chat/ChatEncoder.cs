using System.Runtime.InteropServices;

namespace Bam.Tokenization.Chat;

/// <summary>
/// Encodes conversations. The text is cut where answers begin and end, so that no token lies on both sides; generation has the
/// same cut after its prompt.
/// </summary>
/// <param name="tokenizer">The model's.</param>
/// <param name="template">Renders the conversations.</param>
/// <param name="toolsTemplate">Renders those with tools.</param>
internal sealed class ChatEncoder(Tokenizer tokenizer, ChatTemplate template, ChatTemplate toolsTemplate)
{
    /// <summary>
    /// With the chat template of a checkpoint, or of the directory of a tokenizer; see <see cref="ChatTemplateFiles"/>.
    /// </summary>
    /// <exception cref="InvalidInputException">There is none, or its syntax is wrong.</exception>
    public static ChatEncoder Load(Tokenizer tokenizer, string path, string? name)
    {
        var template = ChatTemplateFiles.Load(path, name);
        var toolsTemplate = ChatTemplateFiles.Load(path, name, hasTools: true);
        if (toolsTemplate.Sha256 == template.Sha256) toolsTemplate = template;
        template.Check();
        toolsTemplate.Check();
        return new(tokenizer, template, toolsTemplate);
    }

    /// <summary>
    /// The tokens that the tokenizer's post-processor puts before a text; a chat template usually writes them itself.
    /// </summary>
    public IReadOnlyList<int> BeginOfTextIds => tokenizer.IdsBefore;

    /// <summary>SHA-256 of the template; see <see cref="ChatTemplate.Sha256"/>.</summary>
    public string TemplateSha256 => template == toolsTemplate ? template.Sha256 : $"{template.Sha256},{toolsTemplate.Sha256}";

    /// <summary>True if the text may contain the date.</summary>
    public bool DependsOnDate => template.DependsOnDate || toolsTemplate.DependsOnDate;

    /// <summary>
    /// The tokens of a conversation, special tokens in the rendered text included; the post-processor is not applied.
    /// </summary>
    /// <exception cref="InvalidInputException">The template fails, writes nothing, or an answer's place is unknown.</exception>
    public EncodedChat Encode(Conversation conversation, bool answersOnly)
    {
        var used = conversation.Tools is null ? template : toolsTemplate;
        var whole = used.Render(conversation);
        if (string.IsNullOrWhiteSpace(whole.Text)) throw NothingOf(used);
        IReadOnlyList<Range> spans = answersOnly ? AnswerSpans.Find(used, conversation, whole) : [];
        var (ids, answers, done) = (new List<int>(whole.Text.Length / 3), new List<Range>(), 0);
        foreach (var span in spans)
        {
            Append(whole.Text.AsSpan(done..span.Start.Value), ids);
            var start = ids.Count;
            Append(whole.Text.AsSpan(span), ids);
            answers.Add(start..(start + LengthOfAnswer(CollectionsMarshal.AsSpan(ids)[start..])));
            done = span.End.Value;
        }

        Append(whole.Text.AsSpan(done), ids);
        return new([.. ids], answers);
    }

    /// <summary>The prompt for an answer, or for the rest of a last message of the assistant.</summary>
    /// <exception cref="InvalidInputException">The template fails or writes nothing.</exception>
    public int[] EncodePrompt(Conversation conversation)
    {
        var used = conversation.Tools is null ? template : toolsTemplate;
        var continues = conversation.RoleAt(conversation.Count - 1) == Conversation.Assistant;
        var ids = new List<int>();
        Append(continues ? used.RenderToContinue(conversation) : used.Render(conversation, addGenerationPrompt: true).Text, ids);
        return ids.Count > 0 ? [.. ids] : throw NothingOf(used);
    }

    /// <summary>The special token that the template writes after an answer, if any.</summary>
    public IReadOnlySet<int> EndOfTurnIds()
    {
        const string answer = "an answer to find";
        try
        {
            var conversation = Conversation.Of(system: null, "a question").With(Conversation.Assistant, answer);
            var text = template.Render(conversation).Text;
            var place = text.LastIndexOf(answer, StringComparison.Ordinal);
            if (place < 0) return new HashSet<int>();
            var after = new List<int>();
            tokenizer.EncodeContinuing(text.AsSpan(place + answer.Length).TrimStart(), after, continues: true);
            return after is [var first, ..] && tokenizer.IsSpecial(first) ? new HashSet<int> { first } : new HashSet<int>();
        }
        catch (InvalidInputException)
        {
            return new HashSet<int>(); // a template that refuses these messages: only the model's own end-of-text tokens remain
        }
    }

    /// <summary>UTF-8 bytes of tokens that are not special.</summary>
    public int TextBytes(ReadOnlySpan<int> ids)
    {
        var bytes = 0;
        foreach (var id in ids)
            if (!tokenizer.IsSpecial(id)) bytes += tokenizer.BytesOf(id).Length;
        return bytes;
    }

    private static InvalidInputException NothingOf(ChatTemplate template) =>
        new(template.Where, "a template that writes the messages", "one that writes nothing for them", "correct or replace it");

    // After text, but not after an added token, a piece continues a word.
    private void Append(ReadOnlySpan<char> text, List<int> ids) =>
        tokenizer.EncodeContinuing(text, ids, ids.Count > 0 && !tokenizer.IsAdded(ids[^1]));

    // A model stops at its end-of-turn token: the line break that many templates write after it is not a part of the answer.
    private int LengthOfAnswer(ReadOnlySpan<int> ids)
    {
        for (var last = ids.Length - 1; last >= 0; last--)
        {
            if (tokenizer.IsSpecial(ids[last])) return last + 1;
            if (!string.IsNullOrWhiteSpace(tokenizer.Decode(ids[last..]))) break;
        }

        return ids.Length;
    }
}

/// <summary>The tokens of a conversation.</summary>
/// <param name="Ids">All of them.</param>
/// <param name="Answers">The ranges of the tokens that are answers, in order; empty if the answers were not asked for.</param>
internal sealed record EncodedChat(int[] Ids, IReadOnlyList<Range> Answers);
