namespace Bam.Generation;

/// <summary>Why a text ended.</summary>
internal enum StopReason
{
    /// <summary>It has as many tokens as were asked for.</summary>
    MaxTokens,

    /// <summary>The model ended it.</summary>
    EndOfText,

    /// <summary>It came to a stop string.</summary>
    StopString,

    /// <summary>It was interrupted.</summary>
    Interrupted,
}
