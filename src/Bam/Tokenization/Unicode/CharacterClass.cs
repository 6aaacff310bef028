namespace Bam.Tokenization.Unicode;

/// <summary>What pre-tokenizers ask of a code point.</summary>
[Flags]
internal enum CharacterClass : byte
{
    /// <summary>None of the others: punctuation, symbols, marks, controls, unassigned; unpaired surrogates too.</summary>
    Other = 0,

    /// <summary>\p{L}.</summary>
    Letter = 1,

    /// <summary>\p{N}.</summary>
    Number = 2,

    /// <summary>\s: the property White_Space.</summary>
    Space = 4,

    /// <summary>\r or \n; these are spaces as well.</summary>
    Newline = 8,
}
