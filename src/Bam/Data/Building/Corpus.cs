using System.Text;
using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>The first pass over the text: tokenizes it and removes near-duplicates.</summary>
internal sealed class Corpus
{
    /// <summary>How many dropped documents a report names.</summary>
    public const int Examples = 20;

    private readonly List<KeptDocument> kept = [];
    private readonly List<int> keptIndex = [];
    private readonly List<DroppedDocument> nearDuplicateExamples = [];

    private Corpus() { }

    /// <summary>The documents that are no near-duplicates, in order.</summary>
    public IReadOnlyList<KeptDocument> Kept => kept;

    /// <summary>For each document read its index in <see cref="Kept"/>; -1 for near-duplicates.</summary>
    public IReadOnlyList<int> KeptIndex => keptIndex;

    /// <summary>Documents that are not empty.</summary>
    public long DocumentsRead => keptIndex.Count;

    /// <summary>Documents passed over as empty.</summary>
    public long EmptyDocuments { get; private set; }

    /// <summary>The first few near-duplicates.</summary>
    public IReadOnlyList<DroppedDocument> NearDuplicateExamples => nearDuplicateExamples;

    /// <summary>Writes the tokens of all kept documents to one data set.</summary>
    public static Corpus Tokenize(DocumentSource source, DataBuildOptions options, string prefix, TokenType type)
    {
        var corpus = new Corpus();
        var index = new NearDuplicateIndex(options.NearDuplicateSimilarity);
        using var writer = new IndexedDatasetWriter(prefix, type);
        foreach (var (document, prepared) in source.Pass("tokenize", document => Prepare(document, options)))
        {
            if (index.FindOrAdd(prepared.Sketch) is { } duplicate)
            {
                corpus.Drop(document, corpus.kept[duplicate.Representative], duplicate.Similarity);
                continue;
            }

            corpus.keptIndex.Add(corpus.kept.Count);
            corpus.kept.Add(new(document.Origin, prepared.SplitHash, prepared.Ids.Length, Encoding.UTF8.GetByteCount(document.Text)));
            writer.Append(prepared.Ids);
        }

        corpus.EmptyDocuments = source.EmptyDocuments;
        writer.Complete();
        return corpus;
    }

    private static (int[] Ids, uint[] Sketch, ulong SplitHash) Prepare(TextDocument document, DataBuildOptions options) =>
        (options.Encoder.Document(document.Text), MinHash.Sketch(document.Text), HeldOutSplit.Hash(options.Seed, document));

    private void Drop(TextDocument document, KeptDocument representative, double similarity)
    {
        keptIndex.Add(-1);
        if (nearDuplicateExamples.Count < Examples) nearDuplicateExamples.Add(new($"{document.Origin}", $"{representative.Origin}", similarity));
    }
}
