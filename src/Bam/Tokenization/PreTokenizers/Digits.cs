using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.PreTokenizers;

/// <summary>Sets numbers (\p{N}) apart from everything else, each for itself or a run at a time.</summary>
internal sealed class Digits(bool individualDigits) : PieceSplitter
{
    /// <summary>Each digit for itself.</summary>
    public bool Individual => individualDigits;

    /// <inheritdoc/>
    public override void Split(ReadOnlySpan<char> text, int offset, PieceList output)
    {
        var start = 0;
        var wasNumber = false;
        for (var i = 0; i < text.Length;)
        {
            var isNumber = (CharacterClasses.At(text, i, out var length) & CharacterClass.Number) != 0;
            if (isNumber != wasNumber || (isNumber && individualDigits))
            {
                output.Add(offset + start, offset + i);
                start = i;
                wasNumber = isNumber;
            }

            i += length;
        }

        output.Add(offset + start, offset + text.Length);
    }
}
