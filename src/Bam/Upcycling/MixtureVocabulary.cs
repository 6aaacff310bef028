using Bam.Checkpoints;
using Bam.Checkpoints.Opening;

namespace Bam.Upcycling;

/// <summary>The vocabulary of models that may have added tokens: the largest, with the rows that each model has.</summary>
/// <param name="Size">The rows: the largest <c>vocab_size</c>, or as many as there are ids.</param>
/// <param name="Tokenizer">The tokenizer with the most ids, which extends all others; null where no model has one.</param>
/// <param name="Spans">All rows in order.</param>
internal sealed record MixtureVocabulary(int Size, string? Tokenizer, IReadOnlyList<RowSpan> Spans)
{
    /// <summary>The vocabulary of models, in the order of the experts, whose vocabularies may differ.</summary>
    /// <exception cref="InvalidInputException">Two models have different tokens under one id, or differ further.</exception>
    public static MixtureVocabulary Of(IReadOnlyList<Checkpoint> models)
    {
        var tokenizers = models.Select(model => TokenizerFile.Find(model.Directory)).ToArray();
        var ids = tokenizers.Select((path, i) => path is null ? models[i].Config.VocabSize : TokenizerFile.CountIds(path))
            .ToArray();
        var largest = Enumerable.Range(0, models.Count).Where(i => tokenizers[i] is not null).OrderByDescending(i => ids[i])
            .Select(i => tokenizers[i]).FirstOrDefault();
        foreach (var path in tokenizers.OfType<string>()) RequireExtended(path, largest!);
        int[] rows = [.. models.Select(model => model.Config.VocabSize)];
        return new(ids.Concat(rows).Max(), largest, SpansOf(ids, rows));
    }

    private static void RequireExtended(string path, string largest)
    {
        if (TokenizerFile.FirstConflict(path, largest) is { } conflict)
            throw new InvalidInputException(
                $"{path}: {conflict.Place}", $"{conflict.Second} as in {largest}", conflict.First,
                "the largest vocabulary must have all tokens of the others under their ids");
    }

    /// <summary>
    /// A row belongs to the models whose tokenizers have its id. Rows that no tokenizer knows are padding, and belong to the
    /// models whose matrices have them. Rows of tokens that were added without resizing any model belong to none.
    /// </summary>
    /// <param name="ids">How many ids each model's tokenizer has.</param>
    /// <param name="rows">How many rows each model's matrices have.</param>
    internal static IReadOnlyList<RowSpan> SpansOf(IReadOnlyList<int> ids, IReadOnlyList<int> rows)
    {
        var spans = new List<RowSpan>();
        var start = 0;
        foreach (var end in ids.Concat(rows).Distinct().Order())
        {
            int[] withRow = [.. Enumerable.Range(0, rows.Count).Where(model => rows[model] >= end)];
            int[] models = [.. withRow.Where(model => ids[model] >= end)];
            if (models.Length == 0) models = withRow;
            if (spans is [.., var last] && last.Models.SequenceEqual(models)) spans[^1] = last with { End = end };
            else spans.Add(new(start, end, models));
            start = end;
        }

        return spans;
    }
}

/// <summary>Hints for a model whose vocabulary is not the seed's.</summary>
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
            ? $"the tokenizers are different ones, of which {conflict.Place} is the first sign; every expert must be a copy "
                + "of the seed, trained further"
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

    private static (string Place, string First, string Second)? ConflictOf(
        (string Path, int Ids) seed, (string Path, int Ids) model) =>
        seed.Ids <= model.Ids
            ? TokenizerFile.FirstConflict(seed.Path, model.Path)
            : TokenizerFile.FirstConflict(model.Path, seed.Path);

    private static string ForCounts(int seed, int model) => (model - seed) switch
    {
        > 0 and var added => $"{Tokens(added)} added to the seed's; {Offer}",
        < 0 and var added => $"the seed has {Tokens(-added)} more; {Offer}",
        _ => $"only the padding differs; {Offer}",
    };

    private static string Tokens(int count) => count == 1 ? "1 token" : $"{count} tokens";
}
