using System.Collections;
using System.Runtime.CompilerServices;

namespace Bam.Checkpoints;

/// <summary>Ids of tokens; equal where the same ids stand in the same order.</summary>
[CollectionBuilder(typeof(TokenIds), nameof(Of))]
internal sealed class TokenIds : IReadOnlyList<int>, IEquatable<TokenIds>
{
    private readonly int[] ids;

    private TokenIds(int[] ids) => this.ids = ids;

    public int Count => ids.Length;

    /// <summary>The first, or null where there is none.</summary>
    public int? First => ids.Length > 0 ? ids[0] : null;

    public int this[int index] => ids[index];

    /// <summary>A copy of ids.</summary>
    public static TokenIds Of(ReadOnlySpan<int> ids) => new(ids.ToArray());

    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)ids).GetEnumerator();

    public bool Equals(TokenIds? other) => other is not null && ids.AsSpan().SequenceEqual(other.ids);

    public override bool Equals(object? obj) => Equals(obj as TokenIds);

    public override int GetHashCode() => ids.Aggregate(ids.Length, HashCode.Combine);

    public override string ToString() => string.Join(", ", ids);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
