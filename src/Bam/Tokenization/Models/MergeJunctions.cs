using System.Text;

namespace Bam.Tokenization.Models;

/// <summary>
/// Which code points a merge can join: those that the left part of some merge ends with and the right part begins with.
/// Between any others a word can be cut without changing its ids.
/// </summary>
internal sealed class MergeJunctions
{
    private readonly PairTable pairs = new(1024);

    /// <summary>Collects them.</summary>
    public MergeJunctions(Vocabulary vocabulary, MergeList merges)
    {
        var tokens = new string[vocabulary.MaxId + 1];
        foreach (var (token, id) in vocabulary.Tokens) tokens[id] = token;
        foreach (var merge in merges.Items)
        {
            Rune.DecodeLastFromUtf16(tokens[merge.First], out var left, out _);
            Rune.DecodeFromUtf16(tokens[merge.Second], out var right, out _);
            pairs[left.Value, right.Value] = 1;
        }
    }

    /// <summary>Whether a merge can join the two.</summary>
    public bool Contains(Rune left, Rune right) => pairs[left.Value, right.Value] >= 0;
}
