using System.Buffers;
using System.Text;

namespace Bam.Tokenization.Models;

/// <summary>The ids of the tokens that are one code point.</summary>
internal sealed class CharacterIds
{
    private readonly int[] basic = new int[char.MaxValue + 1];
    private readonly Dictionary<int, int> beyond = [];

    /// <summary>Finds them in a vocabulary.</summary>
    public CharacterIds(Vocabulary vocabulary)
    {
        Array.Fill(basic, -1);
        foreach (var (token, id) in vocabulary.Tokens)
        {
            if (token.Length > 2 || Rune.DecodeFromUtf16(token, out var rune, out var length) != OperationStatus.Done) continue;
            if (length != token.Length) continue;
            if (rune.IsBmp) basic[rune.Value] = id;
            else beyond[rune.Value] = id;
        }
    }

    /// <summary>The id of a code point, or -1.</summary>
    public int this[Rune rune] => rune.IsBmp ? basic[rune.Value] : beyond.GetValueOrDefault(rune.Value, -1);
}
