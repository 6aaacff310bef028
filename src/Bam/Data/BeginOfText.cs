namespace Bam.Data;

/// <summary>Where the tokens stand that a tokenizer's template puts before a text.</summary>
internal enum BeginOfText
{
    /// <summary>Nowhere.</summary>
    None,

    /// <summary>Before each document.</summary>
    Document,

    /// <summary>At the beginning of each window that a model reads, and not in the shards.</summary>
    Window,
}
