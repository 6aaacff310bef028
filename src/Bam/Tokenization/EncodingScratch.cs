using Bam.Tokenization.Models;
using Bam.Tokenization.PreTokenizers;

namespace Bam.Tokenization;

/// <summary>What one call of Encode works with; handed from call to call, to keep the cache warm, but never shared.</summary>
internal sealed class EncodingScratch
{
    /// <summary>The ids of words seen before.</summary>
    public WordCache Words { get; } = new();

    /// <summary>The text cut at the added tokens that are looked for before normalisation.</summary>
    public List<(int Start, int End, int Id)> RawCuts { get; } = [];

    /// <summary>A stretch of it, normalised and cut at the other added tokens.</summary>
    public List<(int Start, int End, int Id)> NormalizedCuts { get; } = [];

    /// <summary>The pieces for the model.</summary>
    public PieceList Pieces { get; } = new();

    /// <summary>The pre-tokenizers' second list.</summary>
    public PieceList SparePieces { get; } = new();
}
