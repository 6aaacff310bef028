namespace Bam.Tokenization.PreTokenizers;

/// <summary>What a <see cref="PatternSplitter"/> does with its matches; the examples split the-final--countdown by -.</summary>
internal enum SplitBehavior
{
    /// <summary>Each is a piece: the - final - - countdown.</summary>
    Isolated,

    /// <summary>They go away: the final countdown.</summary>
    Removed,

    /// <summary>Neighbours become one piece: the - final -- countdown.</summary>
    Contiguous,

    /// <summary>Each ends the piece before it: the- final- - countdown.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the piece after it: the -final - -countdown.</summary>
    MergedWithNext,
}
