namespace Bam.Tokenization.Models;

/// <summary>A token that is recognised in the text as it stands, before the model sees it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Content">The text that it is recognised by.</param>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>It steers the model and is no text: left out when decoding without special tokens.</summary>
    public bool Special { get; init; }

    /// <summary>It is looked for after normalisation, in its own normalised form; otherwise before.</summary>
    public bool Normalized { get; init; }

    /// <summary>It is not recognised inside a word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>It swallows the white space on its left.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>It swallows the white space on its right.</summary>
    public bool RightStrip { get; init; }
}
