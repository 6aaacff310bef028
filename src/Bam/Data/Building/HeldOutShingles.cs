using System.Runtime.InteropServices;

namespace Bam.Data.Building;

/// <summary>
/// All shingles of the held-out documents, to find training documents that share text with one of them. Exact up to collisions of
/// 64-bit hashes; about 40 bytes per held-out character.
/// </summary>
internal sealed class HeldOutShingles
{
    private readonly Dictionary<ulong, int> newest = [];
    private readonly List<(int Document, int Older)> entries = [];

    /// <summary>Adds a held-out document.</summary>
    public void Add(int document, string text)
    {
        foreach (var hash in Shingles.Distinct(text))
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(newest, hash, out var known);
            entries.Add((document, known ? entry : -1));
            entry = entries.Count - 1;
        }
    }

    /// <summary>The held-out document with which a text shares most. Safe to call from several threads once all are added.</summary>
    /// <returns>The document, -1 if nothing is shared, and the share of the text's distinct shingles that are in it, too.</returns>
    public (int Document, double Share) FindLargestShare(string text)
    {
        var shared = new Dictionary<int, int>();
        var shingles = Shingles.Distinct(text);
        foreach (var hash in shingles)
        {
            for (var entry = newest.GetValueOrDefault(hash, -1); entry >= 0; entry = entries[entry].Older)
                CollectionsMarshal.GetValueRefOrAddDefault(shared, entries[entry].Document, out _)++;
        }

        var (document, count) = (-1, 0);
        foreach (var (candidate, candidateCount) in shared)
        {
            if (candidateCount > count || (candidateCount == count && candidate < document)) (document, count) = (candidate, candidateCount);
        }

        return (document, (double)count / Math.Max(1, shingles.Length));
    }
}
