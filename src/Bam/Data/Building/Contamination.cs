using System.Collections.Concurrent;
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

        ReleaseMemory(); // of the index of near-duplicates
        var sets = new ConcurrentBag<ShingleSet>();
        var shingles = KeptDocuments(
            source, "read held-out", corpus, index => heldOut[index], document => Distinct(document, sets)).ToList();
        sets.Clear();
        ReleaseMemory(); // of the texts and sets
        var heldOutShingles = new HeldOutShingles(shingles);
        shingles.Clear();
        ReleaseMemory(); // of what it was made of
        var largestShares = KeptDocuments(
            source, "compare", corpus, index => !heldOut[index],
            document => heldOutShingles.FindLargestShare(document.Characters.Span, options.ContaminationShare));
        foreach (var (i, share) in largestShares)
        {
            if (share is { } shared) found.Drop(corpus.Kept, i, shared.Document, shared.Share);
        }

        return found;
    }

    // Large arrays that are garbage would stay beside those that come next.
    private static void ReleaseMemory() =>
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    private static ulong[] Distinct(TextDocument document, ConcurrentBag<ShingleSet> sets)
    {
        if (!sets.TryTake(out var set)) set = new();
        var shingles = set.Distinct(document.Characters.Span);
        sets.Add(set);
        return shingles;
    }

    /// <summary>Does the work for those kept documents that are asked for, on several threads.</summary>
    private static IEnumerable<(int Index, TResult Result)> KeptDocuments<TResult>(
        DocumentSource source, string activity, Corpus corpus, Predicate<int> isAskedFor, Func<TextDocument, TResult> work)
    {
        var results = source.Pass(
            activity,
            (number, document) => corpus.KeptIndex[number] is >= 0 and var index && isAskedFor(index)
                ? (Index: index, Result: work(document))
                : (-1, default!));
        return results.Select(passed => passed.Result).Where(result => result.Index >= 0);
    }

    private void Drop(IReadOnlyList<KeptDocument> documents, int index, int heldOut, double share)
    {
        IsDropped[index] = true;
        DroppedCount++;
        if (examples.Count < Corpus.Examples)
            examples.Add(new($"{documents[index].Origin}", $"{documents[heldOut].Origin}", share));
    }
}
