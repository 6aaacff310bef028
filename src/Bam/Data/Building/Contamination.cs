using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>The second and third pass over the text: finds training documents that share text with a held-out one.</summary>
internal sealed class Contamination
{
    private readonly List<DroppedDocument> examples = [];

    private Contamination(int documents) => IsDropped = new bool[documents];

    /// <summary>For each kept document whether it must not be trained on.</summary>
    public bool[] IsDropped { get; }

    public long DroppedCount { get; private set; }

    /// <summary>The first few dropped documents.</summary>
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

        foreach (var (i, (other, share)) in KeptDocuments(source, "compare", corpus, document => heldOutShingles.FindLargestShare(document.Text)))
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
        if (examples.Count < Corpus.Examples) examples.Add(new($"{documents[index].Origin}", $"{documents[heldOut].Origin}", share));
    }
}
