using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>What to do about a model whose vocabulary is not the seed's.</summary>
internal static class VocabularyHint
{
    private const string Offer = "--resize-embeddings gives the mixture the largest vocabulary";

    /// <summary>For a <c>vocab_size</c> that differs.</summary>
    public static string ForSizes(Checkpoint seed, Checkpoint model)
    {
        var (first, second) = (TokenizerFile.Find(seed.Directory), TokenizerFile.Find(model.Directory));
        return first is not null && second is not null
            ? ForCounts(TokenizerFile.CountIds(first), TokenizerFile.CountIds(second))
            : ForCounts(seed.Config.VocabSize, model.Config.VocabSize);
    }

    /// <summary>For tokenizers that differ.</summary>
    public static string ForTokenizers(string seed, string model)
    {
        var (first, second) = (TokenizerFile.CountIds(seed), TokenizerFile.CountIds(model));
        var conflict = first <= second ? TokenizerExtension.FirstConflict(seed, model) : TokenizerExtension.FirstConflict(model, seed);
        return first != second && conflict is null ? ForCounts(first, second) : "all models must have the seed's vocabulary";
    }

    private static string ForCounts(int seed, int model) => (model - seed) switch
    {
        > 0 and var added => $"{Tokens(added)} added to the seed's; {Offer}",
        < 0 and var added => $"the seed has {Tokens(-added)} more; {Offer}",
        _ => $"only the padding differs; {Offer}",
    };

    private static string Tokens(int count) => count == 1 ? "1 token" : $"{count} tokens";
}
