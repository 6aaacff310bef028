namespace Bam.Data.Building;

/// <summary>One side of the split while it is written.</summary>
internal sealed class Shard(string prefix, TokenType type) : IDisposable
{
    private readonly IndexedDatasetWriter writer = new(prefix, type);
    private int[] buffer = [];
    private long utf8Bytes;

    /// <summary>Appends a document of another data set.</summary>
    public void Copy(IndexedDataset from, int document, int documentBytes)
    {
        var (start, length) = from.Document(document);
        if (buffer.Length < length) buffer = new int[length];
        var ids = buffer.AsSpan(0, (int)length);
        from.Read(start, ids);
        Add(ids, documentBytes);
    }

    /// <summary>Appends a document, its end-of-text token included.</summary>
    public void Add(ReadOnlySpan<int> ids, int documentBytes)
    {
        writer.Append(ids);
        utf8Bytes += documentBytes;
    }

    public SplitReport Complete() => new(writer.DocumentCount, writer.TokenCount, utf8Bytes, writer.Complete());

    public void Dispose() => writer.Dispose();
}
