using Bam.Tokenization.Normalizers;
using Bam.Tokenization.PreTokenizers;

namespace Bam.Tokenization.Json;

/// <summary>Reads "pre_tokenizer"; a tokenizer is byte-level when its last step is ByteLevel.</summary>
internal static class PreTokenizerReader
{
    /// <summary>The steps; none when texts are not cut.</summary>
    /// <param name="field">The pre-tokenizer.</param>
    /// <param name="normalizer">What comes before it.</param>
    /// <exception cref="InvalidInputException">
    /// There is a step that Bam does not know, or one in a place where Bam does not know what it does.
    /// </exception>
    public static IReadOnlyList<PreTokenizer> Read(JsonField field, Normalizer? normalizer)
    {
        var steps = new List<PreTokenizer>();
        ReadInto(steps, field);
        if (steps.Take(steps.Count - 1).Any(step => step is ByteLevel))
            throw field.Unexpected("ByteLevel as the last step", "its letters would be cut once more");
        if (steps.Count(step => step is Metaspace) > 1) throw field.Unexpected("one Metaspace", "Bam does not read several");
        if (normalizer is { KeepsStart: false } && steps.Any(step => step is Metaspace { DependsOnStart: true }))
        {
            throw field.Unexpected(
                "a prepend_scheme other than first", "with a normalizer that may remove the text's beginning, it is not clear which piece is the first");
        }

        return steps;
    }

    private static void ReadInto(List<PreTokenizer> steps, JsonField field)
    {
        if (field.IsNull) return;
        switch (field["type"].TextOrNull())
        {
            case "ByteLevel":
                // trim_offsets concerns positions in the text, which Bam does not give.
                field.RequireKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
                steps.Add(new ByteLevel(field["add_prefix_space"].Boolean(true), field["use_regex"].Boolean(true)));
                break;
            case "Digits":
                field.RequireKeys("type", "individual_digits");
                steps.Add(new Digits(field["individual_digits"].Boolean(false)));
                break;
            case "Split":
                field.RequireKeys("type", "pattern", "behavior", "invert");
                steps.Add(ReadSplit(field));
                break;
            case "Sequence":
                field.RequireKeys("type", "pretokenizers");
                foreach (var step in field["pretokenizers"].Items()) ReadInto(steps, step);
                break;
            case "Metaspace":
                var (replacement, scheme, split) = MetaspaceReader.Read(field);
                steps.Add(new Metaspace(replacement, scheme, split));
                break;
            default:
                throw field["type"].Unexpected("ByteLevel, Digits, Metaspace, Split or Sequence", "Bam does not read this pre-tokenizer");
        }
    }

    private static PieceSplitter ReadSplit(JsonField field)
    {
        if (!Enum.TryParse<SplitBehavior>(field["behavior"].Text(), out var behavior))
        {
            throw field["behavior"].Unexpected(
                string.Join(", ", Enum.GetNames<SplitBehavior>()), "Bam does not know this behaviour");
        }

        var invert = field["invert"].Boolean(false);
        // These patterns match every stretch of every text, so that both spellings mean: each match is a piece.
        var everyMatchIsPiece = (behavior, invert) is (SplitBehavior.Isolated, _) or (SplitBehavior.Removed, true);
        return PatternReader.RegexOf(field["pattern"]) switch
        {
            Gpt2Splitter.Pattern when everyMatchIsPiece => new Gpt2Splitter(),
            { } llama when everyMatchIsPiece && llama == Llama3Splitter.PatternFor(3) => new Llama3Splitter(3),
            { } qwen when everyMatchIsPiece && qwen == Llama3Splitter.PatternFor(1) => new Llama3Splitter(1),
            _ => new PatternSplitter(PatternReader.Read(field["pattern"]), behavior, invert),
        };
    }
}
