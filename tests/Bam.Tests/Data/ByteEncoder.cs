using System.Text;
using Bam.Data;

namespace Bam.Tests.Data;

/// <summary>A tokenizer whose ids are the bytes of the text.</summary>
internal static class ByteEncoder
{
    public const int EndOfText = 256;

    public static TextEncoder Instance { get; } =
        new(
            (text, ids) => ids.AddRange(Encoding.UTF8.GetBytes(text.ToString()).Select(b => (int)b)),
            VocabularySize: 257, EndOfText, "bytes");

    /// <summary>The documents of a dataset as text.</summary>
    public static List<string> Documents(IndexedDataset dataset)
    {
        var documents = new List<string>();
        for (var i = 0; i < dataset.DocumentCount; i++)
        {
            var (start, length) = dataset.Document(i);
            var ids = new int[length];
            dataset.Read(start, ids);
            documents.Add(Encoding.UTF8.GetString([.. ids.Take(ids.Length - 1).Select(id => (byte)id)]));
        }

        return documents;
    }
}
