using Bam.Checkpoints;

namespace Bam.Upcycling;

/// <summary>The vocabulary of a mixture whose models may have added tokens to the seed's: the largest, with the rows that each model has.</summary>
/// <param name="Size">The rows: the largest <c>vocab_size</c>, or as many as there are ids.</param>
/// <param name="Tokenizer">The tokenizer with the most ids, which extends all others; null where no model has one.</param>
/// <param name="Spans">All rows in order.</param>
internal sealed record MixtureVocabulary(int Size, string? Tokenizer, IReadOnlyList<RowSpan> Spans)
{
    /// <summary>The vocabulary of models that need not have the same.</summary>
    /// <param name="models">In the order of the experts.</param>
    /// <exception cref="InvalidInputException">Two models have different tokens under one id, or tokenizers that differ in more than tokens.</exception>
    public static MixtureVocabulary Of(IReadOnlyList<Checkpoint> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        var tokenizers = models.Select(model => TokenizerFile.Find(model.Directory)).ToArray();
        var ids = tokenizers.Select((path, i) => path is null ? models[i].Config.VocabSize : TokenizerFile.CountIds(path)).ToArray();
        var largest = Enumerable.Range(0, models.Count).Where(i => tokenizers[i] is not null).OrderByDescending(i => ids[i]).Select(i => tokenizers[i]).FirstOrDefault();
        foreach (var path in tokenizers.OfType<string>()) RequireExtended(path, largest!);
        int[] rows = [.. models.Select(model => model.Config.VocabSize)];
        return new(ids.Concat(rows).Max(), largest, SpansOf(ids, rows));
    }

    private static void RequireExtended(string path, string largest)
    {
        if (TokenizerExtension.FirstConflict(path, largest) is { } conflict)
            throw new InvalidInputException(
                $"{path}: {conflict.Place}", $"{conflict.Second} as in {largest}", conflict.First, "the largest vocabulary must have all tokens of the others under their ids");
    }

    /// <summary>
    /// A row belongs to the models whose tokenizers have its id. Rows that no tokenizer knows are padding, and belong to the models whose
    /// matrices have them. Rows of tokens that were added without resizing any model belong to none.
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
