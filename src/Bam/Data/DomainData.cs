using Bam.Data.Building;
using Bam.Tokenization;

namespace Bam.Data;

/// <summary>A domain built by <see cref="DataBuilder"/>, with a training and a held-out split.</summary>
internal sealed class DomainData : IDisposable
{
    private DomainData(string directory, DataBuildReport report, IndexedDataset train, IndexedDataset heldOut) =>
        (Directory, Report, Train, HeldOut) = (directory, report, train, heldOut);

    public string Directory { get; }

    public string Name => Report.Name;

    public IndexedDataset Train { get; }

    /// <summary>Whole documents that are excluded from training.</summary>
    public IndexedDataset HeldOut { get; }

    /// <summary>UTF-8 bytes of the held-out text, without end-of-text tokens.</summary>
    public long HeldOutBytes => Report.HeldOut.Utf8Bytes;

    public DataBuildReport Report { get; }

    /// <summary>Opens the output of <c>bam data build</c>.</summary>
    /// <exception cref="InvalidInputException">A file is missing, invalid or of another build.</exception>
    public static DomainData Open(string directory)
    {
        var report = DataBuildReport.Load(directory);
        var train = OpenShard(directory, "train", report.Train.Tokens, report);
        try
        {
            return new(directory, report, train, OpenShard(directory, "heldout", report.HeldOut.Tokens, report));
        }
        catch
        {
            train.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Train.Dispose();
        HeldOut.Dispose();
    }

    private static IndexedDataset OpenShard(string directory, string name, long tokens, DataBuildReport report)
    {
        var shard = IndexedDataset.Open(Path.Combine(directory, name), report.VocabularySize);
        if (shard.TokenCount == tokens && shard.Mask is not null == report.HasMask) return shard;
        shard.Dispose();
        if (shard.TokenCount == tokens)
        {
            throw new InvalidInputException(
                shard.Prefix + TokenMask.Extension, report.HasMask ? "the mask of the answers" : "no mask, as report.json says",
                report.HasMask ? "no such file" : "one", "build the domain again");
        }

        throw new InvalidInputException(
            shard.Prefix, $"{tokens} tokens, as report.json says", $"{shard.TokenCount}", "build the domain again");
    }
}

/// <summary>Evaluation text: the held-out split of a built domain, or a whole indexed dataset of another tool.</summary>
internal sealed class HeldOutText : IDisposable
{
    private readonly IDisposable owner;

    private HeldOutText(string path, string name, IndexedDataset tokens, DataBuildReport? report, IDisposable owner) =>
        (Path, Name, Tokens, Report, this.owner) = (path, name, tokens, report, owner);

    public string Path { get; }

    /// <summary>The name of the domain or file.</summary>
    public string Name { get; }

    public IndexedDataset Tokens { get; }

    /// <summary>The build report; null for a dataset of another tool.</summary>
    public DataBuildReport? Report { get; }

    /// <summary>UTF-8 bytes of the text that counts, without special tokens; null if unknown.</summary>
    public long? Bytes => HasMask ? Report?.Chat?.HeldOutAnswerBytes : Report?.HeldOut.Utf8Bytes;

    /// <summary>True if only a part of the tokens counts.</summary>
    public bool HasMask => Tokens.Mask is not null;

    /// <summary>The begin token of each window, as the domain was built; null for none.</summary>
    public int? BeginOfWindow => Report?.BeginOfWindow;

    /// <summary>
    /// Opens the output of <c>bam data build</c>, or an indexed dataset by its path with or without <c>.bin</c> or <c>.idx</c>.
    /// </summary>
    /// <exception cref="InvalidInputException">It is missing, invalid or has no held-out text.</exception>
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
        return Checked(
            new HeldOutText(path, System.IO.Path.GetFileName(tokens.Prefix), tokens, report: null, tokens),
            "give another data set");
    }

    /// <summary>
    /// Rejects a model whose vocabulary does not match; see <see cref="DataBuildReport.RequireVocabulary"/>. Without a report,
    /// all ids are read.
    /// </summary>
    /// <exception cref="InvalidInputException">The model's vocabulary does not match.</exception>
    public void RequireVocabulary(
        int vocabSize, Tokenizer? tokenizer, string model = "the model", CancellationToken cancellation = default)
    {
        Report?.RequireVocabulary(Path, vocabSize, tokenizer, model);
        if (Report is null) Tokens.RequireIdsBelow(vocabSize, cancellation: cancellation);
        else if (Report.VocabularySize > vocabSize) Tokens.RequireIdsBelow(vocabSize, IndexedDataset.NoRow, cancellation);
    }

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

/// <summary>Decodes the held-out documents of a domain.</summary>
internal static class HeldOutTexts
{
    /// <summary>
    /// The held-out documents of the domain in <paramref name="directory"/>, decoded with the tokenizer that it was built with.
    /// Byte-level BPE is lossless except for the tokenizer's normalizer.
    /// </summary>
    /// <exception cref="InvalidInputException">A file is missing or invalid.</exception>
    public static IEnumerable<string> Read(string directory, Tokenizer tokenizer)
    {
        using var domain = DomainData.Open(directory);
        var begin = domain.Report.Bos == BeginOfText.Document ? domain.Report.BeginOfTextIds!.Count : 0;
        for (var i = 0L; i < domain.HeldOut.DocumentCount; i++)
        {
            var (start, length) = domain.HeldOut.Document(i);
            // Without its begin and end-of-text tokens.
            var ids = new int[length - begin - 1];
            domain.HeldOut.Read(start + begin, ids);
            yield return tokenizer.Decode(ids);
        }
    }
}
