using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Pipeline;

/// <summary>
/// Hugging Face's ByteLevel: optionally prepends a space to each piece, then optionally splits into GPT-2's words. The bytes are
/// mapped to characters (<see cref="ByteAlphabet"/>) in the model.
/// </summary>
internal sealed class ByteLevel(bool addPrefixSpace, bool useRegex) : PreTokenizer
{
    private readonly Gpt2Splitter words = new();

    /// <summary>Prepends a space to pieces that do not start with one.</summary>
    public bool AddPrefixSpace => addPrefixSpace;

    /// <summary>Splits pieces into GPT-2's words.</summary>
    public bool UseRegex => useRegex;

    public override void Apply(ref PreTokenization state)
    {
        if (addPrefixSpace && !state.Continues) AddPrefixSpaces(ref state);
        if (useRegex) words.Apply(ref state);
    }

    private static void AddPrefixSpaces(ref PreTokenization state)
    {
        var text = new char[state.Text.Length + state.Pieces.Count];
        var next = state.Next();
        var end = 0;
        foreach (var piece in state.Pieces.Items)
        {
            var start = end;
            if (state.Text[piece.Start] != ' ') text[end++] = ' ';
            state.Text.Slice(piece.Start, piece.Length).CopyTo(text.AsSpan(end));
            end += piece.Length;
            next.Add(start, end);
        }

        state.Text = text;
        state.Replace();
    }
}
