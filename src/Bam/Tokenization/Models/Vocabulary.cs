namespace Bam.Tokenization.Models;

/// <summary>The model's tokens and their ids, both ways.</summary>
internal sealed class Vocabulary
{
    private readonly Dictionary<string, int> ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> idsBySpan;

    /// <summary>Takes tokens with distinct ids.</summary>
    public Vocabulary(Dictionary<string, int> ids)
    {
        this.ids = ids;
        idsBySpan = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        MaxId = ids.Count == 0 ? -1 : ids.Values.Max();
    }

    /// <summary>How many tokens there are.</summary>
    public int Count => ids.Count;

    /// <summary>The largest id; ids may have gaps.</summary>
    public int MaxId { get; }

    /// <summary>All tokens with their ids, in no order.</summary>
    public IEnumerable<KeyValuePair<string, int>> Tokens => ids;

    /// <summary>The id of a token, or -1.</summary>
    public int IdOf(ReadOnlySpan<char> token) => idsBySpan.TryGetValue(token, out var id) ? id : -1;
}
