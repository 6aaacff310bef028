using Bam.Tokenization.Pipeline;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Json;

/// <summary>Reads "normalizer".</summary>
internal static class NormalizerReader
{
    /// <summary>The normalizer, or null.</summary>
    /// <exception cref="InvalidInputException">Its type is unknown.</exception>
    public static Normalizer? Read(JsonField field)
    {
        if (field.IsNull) return null;
        switch (field["type"].TextOrNull())
        {
            case "NFC":
                return Form(field, UnicodeNormalization.Nfc);
            case "NFD":
                return Form(field, UnicodeNormalization.Nfd);
            case "NFKC":
                return Form(field, UnicodeNormalization.Nfkc);
            case "NFKD":
                return Form(field, UnicodeNormalization.Nfkd);
            case "Lowercase":
                field.RequireKeys("type");
                return new Lowercase();
            case "Strip":
                field.RequireKeys("type", "strip_left", "strip_right");
                return new Strip(field["strip_left"].Boolean(false), field["strip_right"].Boolean(false));
            case "Prepend":
                field.RequireKeys("type", "prepend");
                return new Prepend(field["prepend"].Text());
            case "Replace":
                field.RequireKeys("type", "pattern", "content");
                return new Replace(PatternReader.Read(field["pattern"]), field["content"].Text());
            case "Sequence":
                field.RequireKeys("type", "normalizers");
                return new NormalizerSequence([.. field["normalizers"].Items().Select(Read).OfType<Normalizer>()]);
            default:
                throw field["type"].Unexpected(
                    "NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace or Sequence",
                    "Bam does not read this normalizer");
        }
    }

    private static UnicodeForm Form(JsonField field, UnicodeNormalization form)
    {
        field.RequireKeys("type");
        return new UnicodeForm(form);
    }
}

/// <summary>Reads "pre_tokenizer"; a tokenizer is byte-level if its last step is ByteLevel.</summary>
internal static class PreTokenizerReader
{
    /// <summary>The steps; empty if text is not split.</summary>
    /// <exception cref="InvalidInputException">A step is unknown or not supported in its position.</exception>
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
                "a prepend_scheme other than first",
                "with a normalizer that may remove the text's beginning, it is not clear which piece is the first");
        }

        return steps;
    }

    private static void ReadInto(List<PreTokenizer> steps, JsonField field)
    {
        if (field.IsNull) return;
        switch (field["type"].TextOrNull())
        {
            case "ByteLevel":
                // trim_offsets applies to offsets, which Bam does not return.
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
                throw field["type"].Unexpected(
                    "ByteLevel, Digits, Metaspace, Split or Sequence", "Bam does not read this pre-tokenizer");
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
        // These patterns match all text, so that in both cases each match is a piece.
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

/// <summary>Reads a Metaspace pre-tokenizer or decoder.</summary>
internal static class MetaspaceReader
{
    /// <summary>Reads the settings.</summary>
    /// <exception cref="InvalidInputException">The settings are contradictory or unknown.</exception>
    public static (string Replacement, PrependScheme Scheme, bool Split) Read(JsonField field)
    {
        // str_rep repeats the replacement in files before 2023 and is ignored.
        field.RequireKeys("type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep");
        return (field["replacement"].Letter(), ReadScheme(field), field["split"].Boolean(true));
    }

    private static PrependScheme ReadScheme(JsonField field)
    {
        var scheme = field["prepend_scheme"];
        var never = !field["add_prefix_space"].Boolean(true); // the only setting before 2024
        var read = scheme.TextOrNull() switch
        {
            null => never ? PrependScheme.Never : PrependScheme.Always,
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Unexpected("always, first or never", "Bam does not know this scheme"),
        };
        return !never || read == PrependScheme.Never
            ? read
            : throw scheme.Unexpected("never", "add_prefix_space is false; one of the two is wrong");
    }
}

/// <summary>Reads the "pattern" of Split and Replace: {"String": …} or {"Regex": …}.</summary>
internal static class PatternReader
{
    /// <summary>Reads the pattern.</summary>
    /// <exception cref="InvalidInputException">
    /// It is empty, or a regular expression that cannot be translated exactly.
    /// </exception>
    public static CodePointRegex Read(JsonField field)
    {
        field.RequireKeys("String", "Regex");
        if (TextOf(field, "String") is { } literal) return CodePointRegex.FromLiteral(literal);
        var regex = field["Regex"];
        var pattern = TextOf(field, "Regex") ?? throw field.Damaged("String or Regex");
        try
        {
            return CodePointRegex.FromPattern(pattern);
        }
        catch (NotSupportedException e)
        {
            throw regex.Unexpected("a regular expression that Bam can match as Oniguruma does", $"not supported: {e.Message}");
        }
    }

    /// <summary>The regular expression; null if the pattern is a literal.</summary>
    public static string? RegexOf(JsonField field) => TextOf(field, "Regex");

    private static string? TextOf(JsonField field, string key)
    {
        var text = field[key].TextOrNull();
        if (text is { Length: 0 }) throw field[key].Unexpected("a pattern", "an empty one splits nothing; remove it");
        return text;
    }
}

/// <summary>Reads "post_processor": the ids before and after a text.</summary>
internal static class PostProcessorReader
{
    /// <summary>The ids before and after the text; both empty if there is no template.</summary>
    /// <exception cref="InvalidInputException">Its type is unknown, or it has ids without a token.</exception>
    public static (int[] Before, int[] After) Read(JsonField field, Func<int, bool> hasId)
    {
        if (field.IsNull) return ([], []);
        switch (field["type"].TextOrNull())
        {
            case "ByteLevel": // trims offsets, which Bam does not return
                field.RequireKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
                return ([], []);
            case "TemplateProcessing":
                field.RequireKeys("type", "single", "pair", "special_tokens");
                return ReadTemplate(field, hasId);
            case "Sequence":
                field.RequireKeys("type", "processors");
                (int[] Before, int[] After) all = ([], []);
                foreach (var processor in field["processors"].Items())
                {
                    var (before, after) = Read(processor, hasId);
                    all = ([.. before, .. all.Before], [.. all.After, .. after]);
                }

                return all;
            default:
                throw field["type"].Unexpected(
                    "ByteLevel, TemplateProcessing or Sequence", "Bam does not read this post-processor");
        }
    }

    private static (int[] Before, int[] After) ReadTemplate(JsonField field, Func<int, bool> hasId)
    {
        List<int> before = [], after = [];
        var texts = 0;
        foreach (var piece in field["single"].Items())
        {
            piece.RequireKeys("SpecialToken", "Sequence");
            if (piece["Sequence"] is { IsNull: false } sequence)
            {
                if (sequence["id"].Text() != "A" || ++texts > 1)
                    throw field["single"].Damaged("the sequence A once");
                continue;
            }

            var name = piece["SpecialToken"]["id"].Text();
            foreach (var id in field["special_tokens"][name]["ids"].Items())
            {
                if (!hasId(id.Integer())) throw id.Damaged("the id of a token");
                (texts == 0 ? before : after).Add(id.Integer());
            }
        }

        if (texts == 0) throw field["single"].Damaged("the sequence A once");
        return ([.. before], [.. after]);
    }
}
