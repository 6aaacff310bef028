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
        if (first is null || second is null) return ForCounts(seed.Config.VocabSize, model.Config.VocabSize);
        var (seedIds, modelIds) = (TokenizerFile.CountIds(first), TokenizerFile.CountIds(second));
        return ConflictOf((first, seedIds), (second, modelIds)) is { } conflict
            ? $"the tokenizers are different ones, of which {conflict.Place} is the first sign; every expert must be a copy of the seed, trained further"
            : ForCounts(seedIds, modelIds);
    }

    /// <summary>For tokenizers that differ.</summary>
    public static string ForTokenizers(string seed, string model)
    {
        var (seedIds, modelIds) = (TokenizerFile.CountIds(seed), TokenizerFile.CountIds(model));
        return seedIds != modelIds && ConflictOf((seed, seedIds), (model, modelIds)) is null
            ? ForCounts(seedIds, modelIds)
            : "all models must have the seed's vocabulary";
    }

    private static (string Place, string First, string Second)? ConflictOf((string Path, int Ids) seed, (string Path, int Ids) model) =>
        seed.Ids <= model.Ids ? TokenizerExtension.FirstConflict(seed.Path, model.Path) : TokenizerExtension.FirstConflict(model.Path, seed.Path);

    private static string ForCounts(int seed, int model) => (model - seed) switch
    {
        > 0 and var added => $"{Tokens(added)} added to the seed's; {Offer}",
        < 0 and var added => $"the seed has {Tokens(-added)} more; {Offer}",
        _ => $"only the padding differs; {Offer}",
    };

    private static string Tokens(int count) => count == 1 ? "1 token" : $"{count} tokens";
}
