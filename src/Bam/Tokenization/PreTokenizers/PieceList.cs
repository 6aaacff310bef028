using System.Runtime.CompilerServices;

namespace Bam.Tokenization.PreTokenizers;

/// <summary>A growable array of pieces that is reused between texts; empty pieces are never kept.</summary>
internal sealed class PieceList
{
    private Piece[] items = new Piece[256];

    /// <summary>How many pieces there are.</summary>
    public int Count { get; private set; }

    /// <summary>The pieces, in the order of the text.</summary>
    public ReadOnlySpan<Piece> Items => items.AsSpan(0, Count);

    /// <summary>Adds the stretch from <paramref name="start"/> to <paramref name="end"/>, unless it is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(int start, int end)
    {
        if (start == end) return;
        if (Count == items.Length) Array.Resize(ref items, items.Length * 2);
        items[Count++] = new Piece(start, end - start);
    }

    /// <summary>Forgets all pieces.</summary>
    public void Clear() => Count = 0;
}
