namespace Bam.Tokenization.Chat;

/// <summary>
/// Finds the assistant's answers in a rendered conversation: the template's <c>generation</c> blocks or, without them, what each
/// answer adds to the prompt for it.
/// </summary>
internal static class AnswerSpans
{
    /// <summary>The ranges of the text that are answers, in order, with what the template writes at their ends.</summary>
    /// <exception cref="InvalidInputException">
    /// The template does not write the beginning of a conversation as it writes the whole, so that an answer's place is unknown.
    /// </exception>
    public static IReadOnlyList<Range> Find(ChatTemplate template, Conversation conversation, RenderedChat whole)
    {
        if (template.MarksAnswers) return whole.Generated;
        var spans = new List<Range>();
        for (var i = 0; i < conversation.Count; i++)
        {
            if (conversation.RoleAt(i) != Conversation.Assistant) continue;
            var prompt = template.Render(conversation.First(i), addGenerationPrompt: true).Text;
            var answered = i + 1 == conversation.Count ? whole.Text : template.Render(conversation.First(i + 1)).Text;
            if (!answered.StartsWith(prompt, StringComparison.Ordinal)
                || !whole.Text.StartsWith(answered, StringComparison.Ordinal))
            {
                throw new InvalidInputException(
                    template.Where, "a template that writes the first messages as it writes the whole, or marks the answers by "
                        + "{% generation %}", $"other text at message {i}",
                    "cut the conversation there, give a template with marks by --template, or train on all of the text");
            }

            if (answered.Length > prompt.Length) spans.Add(prompt.Length..answered.Length);
        }

        return spans;
    }
}
