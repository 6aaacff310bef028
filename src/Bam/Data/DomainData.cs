using Bam.Data.Building;

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
