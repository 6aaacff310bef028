namespace Bam.Tokenization.Pipeline;

/// <summary>
/// SentencePiece's representation of spaces: each becomes a visible character, one is prepended, and words start with it.
/// </summary>
internal sealed class Metaspace(string replacement, PrependScheme scheme, bool split) : PreTokenizer
{
    /// <summary>The character that replaces a space.</summary>
    public string Replacement => replacement;

    public PrependScheme Scheme => scheme;

    /// <summary>Splits before each of them.</summary>
    public bool Splits => split;

    /// <summary>True if the start of the text is treated differently from that of other pieces.</summary>
    public bool DependsOnStart => scheme == PrependScheme.First;

    public override void Apply(ref PreTokenization state)
    {
        var spaces = state.Text.Count(' ');
        var text = new char[state.Text.Length + (spaces * (replacement.Length - 1)) + (state.Pieces.Count * replacement.Length)];
        var next = state.Next();
        var end = 0;
        foreach (var piece in state.Pieces.Items)
        {
            var start = end;
            var source = state.Text.Slice(piece.Start, piece.Length);
            if (Prepends(state.Continues, state.IsFirst && piece.Start == 0) && source[0] != ' '
                && !source.StartsWith(replacement, StringComparison.Ordinal))
                Copy(replacement, text, ref end);
            for (int space; (space = source.IndexOf(' ')) >= 0; source = source[(space + 1)..])
            {
                Copy(source[..space], text, ref end);
                Copy(replacement, text, ref end);
            }

            Copy(source, text, ref end);
            if (split) Split(text.AsSpan(start..end), start, next);
            else next.Add(start, end);
        }

        state.Text = text.AsSpan(0, end);
        state.Replace();
    }

    private static void Copy(ReadOnlySpan<char> source, char[] text, ref int end)
    {
        source.CopyTo(text.AsSpan(end));
        end += source.Length;
    }

    private bool Prepends(bool continues, bool isFirst) => scheme switch
    {
        PrependScheme.Always => !continues,
        PrependScheme.First => isFirst,
        _ => false,
    };

    // Splits before each replacement.
    private void Split(ReadOnlySpan<char> text, int offset, PieceList output)
    {
        var start = 0;
        for (var from = replacement.Length; from < text.Length;)
        {
            var found = text[from..].IndexOf(replacement, StringComparison.Ordinal);
            if (found < 0) break;
            output.Add(offset + start, offset + from + found);
            start = from + found;
            from = start + replacement.Length;
        }

        output.Add(offset + start, offset + text.Length);
    }
}

/// <summary>The pieces that <see cref="Metaspace"/> prepends its replacement to, unless they start with it.</summary>
internal enum PrependScheme
{
    /// <summary>All pieces, including those after an added token.</summary>
    Always,

    /// <summary>Only the first piece of the text.</summary>
    First,

    Never,
}
