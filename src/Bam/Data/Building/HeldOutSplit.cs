using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>Selects whole documents to hold out by a hash of their content, independent of file names and order.</summary>
internal static class HeldOutSplit
{
    /// <summary>The selection ends at the first document that does not fit after this fraction of the budget is used.</summary>
    private const double SufficientFraction = 0.9;

    /// <summary>
    /// The sort key of a document: the first 8 bytes of SHA-256 over the seed and its text, or its group's name.
    /// </summary>
    public static ulong Hash(long seed, TextDocument document)
    {
        var kind = document.Group is null ? "text" : "group";
        var subject = document.Group is null ? document.Characters.Span : document.Group;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{seed}:{kind}:")));
        var encoder = Encoding.UTF8.GetEncoder();
        Span<byte> buffer = stackalloc byte[1 << 12];
        for (var isComplete = false; !isComplete;)
        {
            encoder.Convert(subject, buffer, flush: true, out var read, out var written, out isComplete);
            hash.AppendData(buffer[..written]);
            subject = subject[read..];
        }

        hash.GetHashAndReset(buffer);
        return BinaryPrimitives.ReadUInt64LittleEndian(buffer);
    }

    /// <summary>
    /// Selects documents in the order of their hashes as long as they fit the budget, the smaller of <paramref name="fraction"/>
    /// of all tokens and <paramref name="maxTokens"/>; if none fits, the shortest one. Documents with equal hashes are slices of
    /// one document and stay together.
    /// </summary>
    /// <returns>Per document: true if it is held out.</returns>
    /// <exception cref="InvalidInputException">
    /// There are fewer than two documents, or the shortest is longer than <paramref name="maxTokens"/>.
    /// </exception>
    public static bool[] Choose(IReadOnlyList<KeptDocument> documents, double fraction, long maxTokens, string where)
    {
        var heldOut = new bool[documents.Count];
        if (fraction == 0 || maxTokens == 0) return heldOut;
        var units = Units(documents);
        if (units.Count < 2)
            throw new InvalidInputException(
                where, "at least two documents, one to train on and one to measure on", "one",
                "cut it at its own sections (--section-separator), or hold nothing out (--held-out-fraction 0); in a recipe by "
                    + "'section_separator' and 'held_out_fraction'; near-duplicates count as one document");

        var budget = Math.Min(maxTokens, fraction * units.Sum(unit => unit.Tokens));
        var chosen = new List<Unit>();
        long taken = 0;
        foreach (var unit in units)
        {
            if (taken + unit.Tokens <= budget)
            {
                taken += unit.Tokens;
                chosen.Add(unit);
            }
            else if (taken >= SufficientFraction * budget)
            {
                break;
            }
        }

        if (chosen.Count == 0) chosen.Add(Shortest(units, maxTokens, where));
        foreach (var member in chosen.SelectMany(unit => unit.Members)) heldOut[member] = true;
        return heldOut;
    }

    /// <summary>The documents in the order of their hashes, with slices of one document grouped.</summary>
    private static List<Unit> Units(IReadOnlyList<KeptDocument> documents)
    {
        var order = Enumerable.Range(0, documents.Count).ToArray();
        Array.Sort(order, (a, b) => (documents[a].SplitHash, a).CompareTo((documents[b].SplitHash, b)));
        var units = new List<Unit>();
        for (var first = 0; first < order.Length;)
        {
            var end = first;
            long tokens = 0;
            for (; end < order.Length && documents[order[end]].SplitHash == documents[order[first]].SplitHash; end++)
                tokens += documents[order[end]].TokenCount;
            units.Add(new(tokens, order[first..end]));
            first = end;
        }

        return units;
    }

    private static Unit Shortest(List<Unit> units, long maxTokens, string where)
    {
        var shortest = units.MinBy(unit => unit.Tokens);
        if (shortest.Tokens <= maxTokens) return shortest;
        throw new InvalidInputException(
            where, $"a document of at most {maxTokens} tokens to hold out", $"none shorter than {shortest.Tokens}",
            "raise --held-out-max-tokens or cut the text at its own sections (--section-separator); in a recipe by "
                + "'held_out_max_tokens' and 'section_separator'");
    }

    /// <summary>A document, or all slices of a document.</summary>
    private readonly record struct Unit(long Tokens, int[] Members);
}
