using System.Runtime.InteropServices;

namespace Bam.Tokenization.Chat;

/// <summary>
/// Encodes conversations. The text is cut where answers begin and end, so that no token lies on both sides; a model that generates
/// meets the same cut after its prompt.
/// </summary>
internal sealed class ChatEncoder(Tokenizer tokenizer, ChatTemplate template)
{
    /// <summary>SHA-256 of the template; see <see cref="ChatTemplate.Sha256"/>.</summary>
    public string TemplateSha256 => template.Sha256;

    /// <summary>True if the text may contain the date.</summary>
    public bool DependsOnDate => template.DependsOnDate;

    /// <summary>
    /// The tokens of a conversation, special tokens in the template's text included; the tokenizer's own template is not applied.
    /// </summary>
    /// <exception cref="InvalidInputException">The template fails, or an answer's place is unknown.</exception>
    public EncodedChat Encode(Conversation conversation, bool answersOnly)
    {
        var whole = template.Render(conversation);
        IReadOnlyList<Range> spans = answersOnly ? AnswerSpans.Find(template, conversation, whole) : [];
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

    /// <summary>UTF-8 bytes of tokens that are not special.</summary>
    public int TextBytes(ReadOnlySpan<int> ids)
    {
        var bytes = 0;
        foreach (var id in ids)
            if (!tokenizer.IsSpecial(id)) bytes += tokenizer.BytesOf(id).Length;
        return bytes;
    }

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
