using System.Runtime.InteropServices;
using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>The second and third pass over the text: finds training documents that share text with held-out ones.</summary>
internal sealed class Contamination
{
    private readonly List<DroppedDocument> examples = [];

    private Contamination(int documents) => IsDropped = new bool[documents];

    /// <summary>Per kept document: true if it is dropped from training.</summary>
    public bool[] IsDropped { get; }

    public long DroppedCount { get; private set; }

    public IReadOnlyList<DroppedDocument> Examples => examples;

    public static Contamination Find(DocumentSource source, DataBuildOptions options, Corpus corpus, bool[] heldOut)
    {
        var found = new Contamination(corpus.Kept.Count);
        if (!heldOut.Contains(true)) return found;

        var heldOutShingles = new HeldOutShingles();
        foreach (var (i, text) in KeptDocuments(source, "read held-out", corpus, document => document.Text))
        {
            if (heldOut[i]) heldOutShingles.Add(i, text);
        }

        var largestShares = KeptDocuments(
            source, "compare", corpus, document => heldOutShingles.FindLargestShare(document.Text));
        foreach (var (i, (other, share)) in largestShares)
        {
            if (!heldOut[i] && share > options.ContaminationShare) found.Drop(corpus.Kept, i, other, share);
        }

        return found;
    }

    private static IEnumerable<(int Index, TResult Result)> KeptDocuments<TResult>(
        DocumentSource source, string activity, Corpus corpus, Func<TextDocument, TResult> work)
    {
        var number = 0;
        foreach (var (_, result) in source.Pass(activity, work))
        {
            if (corpus.KeptIndex[number++] is >= 0 and var index) yield return (index, result);
        }
    }

    private void Drop(IReadOnlyList<KeptDocument> documents, int index, int heldOut, double share)
    {
        IsDropped[index] = true;
        DroppedCount++;
        if (examples.Count < Corpus.Examples)
            examples.Add(new($"{documents[index].Origin}", $"{documents[heldOut].Origin}", share));
    }
}

/// <summary>
/// The shingles of all held-out documents, to find training documents that share text with one of them. Exact up to collisions of
/// 64-bit hashes; about 40 bytes per held-out character.
/// </summary>
internal sealed class HeldOutShingles
{
    private readonly Dictionary<ulong, int> newest = [];
    private readonly List<(int Document, int Older)> entries = [];

    public void Add(int document, string text)
    {
        foreach (var hash in Shingles.Distinct(text))
        {
            ref var entry = ref CollectionsMarshal.GetValueRefOrAddDefault(newest, hash, out var known);
            entries.Add((document, known ? entry : -1));
            entry = entries.Count - 1;
        }
    }

    /// <summary>Finds the held-out document that shares most text. Thread-safe after all documents are added.</summary>
    /// <returns>
    /// The document (-1 if nothing is shared) and the fraction of the text's distinct shingles that it contains.
    /// </returns>
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
            if (candidateCount > count || (candidateCount == count && candidate < document))
                (document, count) = (candidate, candidateCount);
        }

        return (document, (double)count / Math.Max(1, shingles.Length));
    }
}
