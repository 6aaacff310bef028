using Bam.Tokenization.PreTokenizers;

namespace Bam.Tokenization.Json;

/// <summary>Reads "pre_tokenizer" of a byte-level tokenizer: one whose last step is ByteLevel.</summary>
internal static class PreTokenizerReader
{
    /// <summary>The pre-tokenizer.</summary>
    /// <exception cref="InvalidInputException">It does not end in ByteLevel, or has a step that Bam does not know.</exception>
    public static PreTokenizer Read(JsonField field)
    {
        var steps = new List<PreTokenizer>();
        ReadInto(steps, field);
        for (var i = 0; i < steps.Count; i++)
        {
            if (steps[i] is ByteLevel != (i == steps.Count - 1))
                throw ByteLevelExpected(field);
        }

        return steps.Count switch
        {
            0 => throw ByteLevelExpected(field),
            1 => steps[0],
            _ => new PreTokenizerSequence(steps),
        };
    }

    private static InvalidInputException ByteLevelExpected(JsonField field) =>
        field.Unexpected("one ByteLevel as the last step", "Bam reads byte-level BPE only");

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
            default:
                throw field["type"].Unexpected("ByteLevel, Digits, Split or Sequence", "Bam does not read this pre-tokenizer");
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
