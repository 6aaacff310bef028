using System.Text;

namespace Bam.Experiments.Probes;

/// <summary>
/// Documents of several domains, cut into pieces that take turns, so that the domain changes inside a context window. No text is
/// lost, and the pieces of a domain keep their order.
/// </summary>
internal static class MixedDocuments
{
    /// <summary>The pieces of a mixed document.</summary>
    public const int PiecesPerDocument = 10;

    /// <summary>
    /// Mixes. Which domain a piece comes from is drawn in proportion to the pieces that each has left, but never the one before
    /// again while another has any; what a larger domain has left over follows at the end.
    /// </summary>
    /// <param name="domains">The documents of each domain.</param>
    /// <param name="characters">About the characters of a piece.</param>
    /// <param name="random">Which domain's turn it is.</param>
    public static IReadOnlyList<string> Make(IEnumerable<IEnumerable<string>> domains, int characters, RandomStream random)
    {
        var left = domains
            .Select(documents => new Queue<string>(documents.SelectMany(document => Cut(document, characters))))
            .ToList();
        var documents = new List<string>();
        var document = new StringBuilder();
        Queue<string>? before = null;
        for (var pieces = 1; left.Exists(queue => queue.Count > 0); pieces++)
        {
            before = Draw(left, before, ref random);
            var piece = before.Dequeue();
            document.Append(piece);
            // The next piece is of another text and begins a line.
            if (!piece.EndsWith('\n')) document.Append('\n');
            if (pieces % PiecesPerDocument != 0) continue;
            documents.Add(document.ToString());
            document.Clear();
        }

        if (document.Length > 0) documents.Add(document.ToString());
        return documents;
    }

    /// <summary>
    /// Cuts a text into pieces of half to one and a half of that length: behind the line's end nearest to it, else behind the
    /// nearest space, else between two characters; the last one may be shorter.
    /// </summary>
    internal static IEnumerable<string> Cut(string text, int characters)
    {
        var start = 0;
        while (text.Length - start > characters * 1.5)
        {
            var end = EndOf(text, start, characters);
            yield return text[start..end];
            start = end;
        }

        if (start < text.Length) yield return text[start..];
    }

    private static int EndOf(string text, int start, int characters)
    {
        var aim = start + characters;
        foreach (var border in "\n ")
        {
            for (var distance = 0; distance < characters / 2; distance++)
            {
                if (text[aim - distance - 1] == border) return aim - distance;
                if (text[aim + distance - 1] == border) return aim + distance;
            }
        }

        return char.IsLowSurrogate(text[aim]) ? aim + 1 : aim;
    }

    private static Queue<string> Draw(List<Queue<string>> left, Queue<string>? before, ref RandomStream random)
    {
        var open = left.Where(queue => queue.Count > 0 && queue != before).ToList();
        if (open.Count == 0) return before!;
        var place = random.NextInt64(open.Sum(queue => queue.Count));
        foreach (var queue in open)
        {
            if (place < queue.Count) return queue;
            place -= queue.Count;
        }

        return open[^1];
    }
}
