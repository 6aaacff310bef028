namespace Bam.Tokenization;

/// <summary>Added tokens whose ids are beyond the last row of a model's embedding: a fine-tune added them and did not resize the model.</summary>
internal static class MissingRows
{
    private const int Shown = 8;

    /// <summary>What messages say of them.</summary>
    /// <param name="tokens">At least one.</param>
    /// <param name="rows">The model's vocab_size.</param>
    public static string Describe(IReadOnlyList<(int Id, string Content)> tokens, int rows)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var named = string.Join(", ", tokens.Take(Shown).Select(token => $"{token.Content} (id {token.Id})"));
        return $"{named}{(tokens.Count > Shown ? $" and {tokens.Count - Shown} more" : "")} {(tokens.Count == 1 ? "has" : "have")} no row in the embedding (vocab_size {rows})";
    }
}
