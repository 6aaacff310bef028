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

        Garbage.Collect(); // of the index of near-duplicates
        var heldOutShingles = new HeldOutShingles(
            KeptDocuments(
                source, "read held-out", corpus, index => heldOut[index], document => Shingles.All(document.Characters.Span)),
            corpus.Kept.Where((_, index) => heldOut[index]).Sum(document => document.Characters));
        Garbage.Collect(); // of the texts
        var largestShares = KeptDocuments(
            source, "compare", corpus, index => !heldOut[index],
            document => heldOutShingles.FindLargestShare(document.Characters.Span, options.ContaminationShare));
        foreach (var (i, share) in largestShares)
        {
            if (share is { } shared) found.Drop(corpus.Kept, i, shared.Document, shared.Share);
        }

        return found;
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
