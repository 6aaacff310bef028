using Bam.Data.Building;
using Bam.Tokenization;

namespace Bam.Data;

/// <summary>A domain that <see cref="DataBuilder"/> has built: text to train on and text to measure on.</summary>
internal sealed class DomainData : IDisposable
{
    private DomainData(string directory, DataBuildReport report, IndexedDataset train, IndexedDataset heldOut) =>
        (Directory, Report, Train, HeldOut) = (directory, report, train, heldOut);

    /// <summary>The folder that it lies in.</summary>
    public string Directory { get; }

    /// <summary>The domain's name.</summary>
    public string Name => Report.Name;

    /// <summary>The text to train on.</summary>
    public IndexedDataset Train { get; }

    /// <summary>The text to measure on, in whole documents that were not trained on.</summary>
    public IndexedDataset HeldOut { get; }

    /// <summary>UTF-8 bytes of the held-out text, without end-of-text tokens.</summary>
    public long HeldOutBytes => Report.HeldOut.Utf8Bytes;

    /// <summary>How it was built.</summary>
    public DataBuildReport Report { get; }

    /// <summary>Opens a folder that <c>bam data build</c> made.</summary>
    /// <param name="directory">The folder.</param>
    /// <exception cref="InvalidInputException">A file is missing, damaged or of another build.</exception>
    public static DomainData Open(string directory)
    {
        var report = DataBuildReport.Load(directory);
        var train = OpenShard(directory, "train", report.Train.Tokens, report.VocabularySize);
        try
        {
            return new(directory, report, train, OpenShard(directory, "heldout", report.HeldOut.Tokens, report.VocabularySize));
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    /// <summary>Unmaps the files.</summary>
    public void Dispose()
    {
        Train.Dispose();
        HeldOut.Dispose();
    }

    private static IndexedDataset OpenShard(string directory, string name, long tokens, int vocabularySize)
    {
        var shard = IndexedDataset.Open(Path.Combine(directory, name), vocabularySize);
        if (shard.TokenCount == tokens) return shard;
        shard.Dispose();
        throw new InvalidInputException(shard.Prefix, $"{tokens} tokens, as report.json says", $"{shard.TokenCount}", "build the domain again");
    }
}

/// <summary>Text on which models are measured: what a built domain holds out, or the whole of an indexed data set that another tool made.</summary>
internal sealed class HeldOutText : IDisposable
{
    private readonly IDisposable owner;

    private HeldOutText(string path, string name, IndexedDataset tokens, DataBuildReport? report, IDisposable owner) =>
        (Path, Name, Tokens, Report, this.owner) = (path, name, tokens, report, owner);

    /// <summary>What was opened.</summary>
    public string Path { get; }

    /// <summary>The domain's name, or the file's.</summary>
    public string Name { get; }

    /// <summary>The tokens.</summary>
    public IndexedDataset Tokens { get; }

    /// <summary>How the domain was built; null for a data set of another tool.</summary>
    public DataBuildReport? Report { get; }

    /// <summary>The text's UTF-8 bytes, without special tokens; null where they are not known.</summary>
    public long? Bytes => Report?.HeldOut.Utf8Bytes;

    /// <summary>The token that each window begins with, as the domain was built; null for none.</summary>
    public int? BeginOfWindow => Report?.BeginOfWindow;

    /// <summary>Opens a folder that <c>bam data build</c> made, or the <c>.bin</c> and <c>.idx</c> of an indexed data set.</summary>
    /// <param name="path">The folder, or the path of the two files, with or without either ending.</param>
    /// <param name="hint">What to do when it is neither.</param>
    /// <exception cref="InvalidInputException">It is missing, damaged or without text to measure on.</exception>
    public static HeldOutText Open(string path, string hint)
    {
        if (DataBuildReport.IsIn(path))
        {
            var domain = DomainData.Open(path);
            return Checked(new HeldOutText(path, domain.Name, domain.HeldOut, domain.Report, domain), hint);
        }

        if (!IndexedDataset.Exists(path))
        {
            throw new InvalidInputException(
                path,
                "a directory that 'bam data build' made, for its held-out text, or the path of a .bin and .idx",
                Directory.Exists(path) ? "no report.json there" : "no .idx there",
                hint);
        }

        var tokens = IndexedDataset.Open(path);
        return Checked(new HeldOutText(path, System.IO.Path.GetFileName(tokens.Prefix), tokens, report: null, tokens), "give another data set");
    }

    /// <summary>Refuses a model that does not know the ids: see <see cref="DataBuildReport.RequireVocabulary"/>; without a report, all are read.</summary>
    /// <param name="vocabSize">V of the model.</param>
    /// <param name="tokenizer">Its tokenizer, or null when it has none.</param>
    /// <param name="model">What messages call the model.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="InvalidInputException">The model knows other ids.</exception>
    public void RequireVocabulary(int vocabSize, Tokenizer? tokenizer, string model = "the model", CancellationToken cancellation = default)
    {
        Report?.RequireVocabulary(Path, vocabSize, tokenizer, model);
        if (Report is null) Tokens.RequireIdsBelow(vocabSize, cancellation: cancellation);
        else if (Report.VocabularySize > vocabSize) Tokens.RequireIdsBelow(vocabSize, IndexedDataset.NoRow, cancellation);
    }

    /// <summary>Unmaps the files.</summary>
    public void Dispose() => owner.Dispose();

    private static HeldOutText Checked(HeldOutText text, string hint)
    {
        if (text.Tokens.TokenCount >= 2) return text;
        text.Dispose();
        throw text.Report is null
            ? new InvalidInputException(text.Path, "at least 2 tokens to measure on", $"{text.Tokens.TokenCount}", hint)
            : new InvalidInputException(text.Path, "a domain with held-out text", "none", hint);
    }
}

/// <summary>The held-out documents of a domain as text again.</summary>
internal static class HeldOutTexts
{
    /// <summary>
    /// Decodes the tokens. Byte-level BPE loses nothing, so these are the documents as they were read, or as the tokenizer's normalizer
    /// left them.
    /// </summary>
    /// <param name="directory">A folder that <see cref="DataBuilder"/> made.</param>
    /// <param name="tokenizer">The tokenizer that it was made with.</param>
    /// <exception cref="InvalidInputException">A file is missing or damaged.</exception>
    public static IEnumerable<string> Read(string directory, Tokenizer tokenizer)
    {
        using var domain = DomainData.Open(directory);
        var begin = domain.Report.Bos == BeginOfText.Document ? domain.Report.BeginOfTextIds!.Count : 0;
        for (var i = 0L; i < domain.HeldOut.DocumentCount; i++)
        {
            var (start, length) = domain.HeldOut.Document(i);
            // Without the tokens that begin and end it.
            var ids = new int[length - begin - 1];
            domain.HeldOut.Read(start + begin, ids);
            yield return tokenizer.Decode(ids);
        }
    }
}
