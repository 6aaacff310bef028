using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Bam.Data.Text;

namespace Bam.Data.Building;

/// <summary>Chooses whole documents to measure on, by a hash of their content: neither names nor the order of files matter.</summary>
internal static class HeldOutSplit
{
    /// <summary>A document too long for what is left ends the choice once this part of the budget is used.</summary>
    private const double Enough = 0.9;

    /// <summary>A document's place in the order: the start of SHA-256 over the seed and its text, or its group's name.</summary>
    public static ulong Hash(long seed, TextDocument document)
    {
        var subject = string.Create(CultureInfo.InvariantCulture, $"{seed}:{(document.Group is null ? "text" : "group")}:{document.Group ?? document.Text}");
        return BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(subject)));
    }

    /// <summary>
    /// Goes through the documents in the order of their hashes and takes each that still fits the budget; if none fits, the shortest.
    /// Documents with one hash are slices of one and stay together.
    /// </summary>
    /// <param name="documents">All documents.</param>
    /// <param name="fraction">The part of all tokens to hold out.</param>
    /// <param name="maxTokens">The most tokens to hold out.</param>
    /// <param name="where">The input, for refusals.</param>
    /// <returns>For each document whether it is held out.</returns>
    /// <exception cref="InvalidInputException">There are not two documents, or the shortest is longer than <paramref name="maxTokens"/>.</exception>
    public static bool[] Choose(IReadOnlyList<KeptDocument> documents, double fraction, long maxTokens, string where)
    {
        var heldOut = new bool[documents.Count];
        if (fraction == 0 || maxTokens == 0) return heldOut;
        var units = Units(documents);
        if (units.Count < 2)
            throw new InvalidInputException(where, "at least two documents, one to train on and one to measure on", "one", "cut it at its own sections (--section-separator), or hold nothing out (--held-out-fraction 0)");

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
            else if (taken >= Enough * budget)
            {
                break;
            }
        }

        if (chosen.Count == 0) chosen.Add(Shortest(units, maxTokens, where));
        foreach (var member in chosen.SelectMany(unit => unit.Members)) heldOut[member] = true;
        return heldOut;
    }

    /// <summary>The documents in the order of their hashes, slices of one together.</summary>
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
        throw new InvalidInputException(where, $"a document of at most {maxTokens} tokens to hold out", $"none shorter than {shortest.Tokens}", "raise --held-out-max-tokens or cut the text at its own sections (--section-separator)");
    }

    /// <summary>A document, or all slices of one.</summary>
    private readonly record struct Unit(long Tokens, int[] Members);
}
