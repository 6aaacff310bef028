using System.Collections;
using System.Runtime.CompilerServices;

namespace Bam.Checkpoints;

/// <summary>A list in <c>config.json</c>; equal where the same values stand in the same order.</summary>
[CollectionBuilder(typeof(ValueList), nameof(ValueList.Of))]
internal sealed class ValueList<T>(T[] values) : IReadOnlyList<T>, IEquatable<ValueList<T>>
    where T : struct
{
    public int Count => values.Length;

    /// <summary>The first, or null where there is none.</summary>
    public T? First => values.Length > 0 ? values[0] : null;

    public T this[int index] => values[index];

    public IEnumerator<T> GetEnumerator() => ((IEnumerable<T>)values).GetEnumerator();

    public bool Equals(ValueList<T>? other) => other is not null && values.SequenceEqual(other);

    public override bool Equals(object? obj) => Equals(obj as ValueList<T>);

    public override int GetHashCode() => values.Aggregate(values.Length, HashCode.Combine);

    public override string ToString() => string.Join(", ", values);

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

internal static class ValueList
{
    /// <summary>A copy of values.</summary>
    public static ValueList<T> Of<T>(ReadOnlySpan<T> values)
        where T : struct =>
        new(values.ToArray());
}
