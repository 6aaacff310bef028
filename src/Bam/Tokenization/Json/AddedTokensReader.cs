using Bam.Tokenization.Models;

namespace Bam.Tokenization.Json;

/// <summary>Reads "added_tokens".</summary>
internal static class AddedTokensReader
{
    /// <summary>The added tokens by id. Hugging Face's tokenizers write them in this order and number new ones by it.</summary>
    /// <exception cref="InvalidInputException">An id is not the one that Hugging Face's tokenizers would use.</exception>
    public static IReadOnlyList<AddedToken> Read(JsonField field, Vocabulary vocabulary)
    {
        var tokens = new List<AddedToken>();
        if (field.IsNull) return tokens;
        var contents = new HashSet<string>();
        var usedIds = vocabulary.Tokens.Select(t => t.Value).ToHashSet();
        var nextId = vocabulary.Count;
        foreach (var (item, token) in field.Items().Select(item => (item, ReadOne(item))).OrderBy(entry => entry.Item2.Id))
        {
            if (!contents.Add(token.Content)) throw item["content"].Damaged("each added token once");
            var knownId = vocabulary.IdOf(token.Content);
            var expectedId = knownId >= 0 ? knownId : nextId++;
            if (token.Id != expectedId)
                throw item["id"].Unexpected($"{expectedId}", "tokens are numbered by the vocabulary, then in order");
            if (knownId < 0 && !usedIds.Add(token.Id))
                throw item["id"].Damaged("an id of its own", "another token has it");
            tokens.Add(token);
        }

        return tokens;
    }

    private static AddedToken ReadOne(JsonField item)
    {
        item.RequireKeys("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special");
        var content = item["content"].Text();
        if (content.Length == 0) throw item["content"].Unexpected("a text", "an empty token is in every text; remove it");
        var special = item["special"].Boolean(false);
        return new AddedToken(item["id"].Integer(), content)
        {
            Special = special,
            Normalized = item["normalized"].Boolean(!special),
            SingleWord = item["single_word"].Boolean(false),
            LeftStrip = item["lstrip"].Boolean(false),
            RightStrip = item["rstrip"].Boolean(false),
        };
    }
}
