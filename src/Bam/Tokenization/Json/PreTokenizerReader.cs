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
        switch (field.Type.TextOrNull())
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
                field.RejectOthers();
                return new Lowercase();
            case "Strip":
                var (left, right) = (field["strip_left"], field.Last("strip_right"));
                return new Strip(left.Boolean(false), right.Boolean(false));
            case "Prepend":
                return new Prepend(field.Last("prepend").Text());
            case "Replace":
                var (pattern, content) = (field["pattern"], field.Last("content"));
                return new Replace(PatternReader.Read(pattern), content.Text());
            case "Sequence":
                return new NormalizerSequence([.. field.Last("normalizers").Items().Select(Read).OfType<Normalizer>()]);
            default:
                throw field.Type.Unexpected(
                    "NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace or Sequence",
                    "Bam does not read this normalizer");
        }
    }

    private static UnicodeForm Form(JsonField field, UnicodeNormalization form)
    {
        field.RejectOthers();
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
        switch (field.Type.TextOrNull())
        {
            case "ByteLevel":
                // trim_offsets applies to offsets, which Bam does not return.
                var (prefix, _, regex) = (field["add_prefix_space"], field["trim_offsets"], field.Last("use_regex"));
                steps.Add(new ByteLevel(prefix.Boolean(true), regex.Boolean(true)));
                break;
            case "Digits":
                steps.Add(new Digits(field.Last("individual_digits").Boolean(false)));
                break;
            case "Split":
                steps.Add(ReadSplit(field["pattern"], field["behavior"], field.Last("invert")));
                break;
            case "Sequence":
                foreach (var step in field.Last("pretokenizers").Items()) ReadInto(steps, step);
                break;
            case "Metaspace":
                var (replacement, scheme, split) = MetaspaceReader.Read(field);
                steps.Add(new Metaspace(replacement, scheme, split));
                break;
            default:
                throw field.Type.Unexpected(
                    "ByteLevel, Digits, Metaspace, Split or Sequence", "Bam does not read this pre-tokenizer");
        }
    }

    private static PieceSplitter ReadSplit(JsonField pattern, JsonField behaviorName, JsonField invert)
    {
        if (!Enum.TryParse<SplitBehavior>(behaviorName.Text(), out var behavior))
        {
            var known = string.Join(", ", Enum.GetNames<SplitBehavior>());
            throw behaviorName.Unexpected(known, "Bam does not know this behaviour");
        }

        var isInverted = invert.Boolean(false);
        // These patterns match all text, so that in both cases each match is a piece.
        var everyMatchIsPiece = (behavior, isInverted) is (SplitBehavior.Isolated, _) or (SplitBehavior.Removed, true);
        return PatternReader.RegexOf(pattern) switch
        {
            Gpt2Splitter.Pattern when everyMatchIsPiece => new Gpt2Splitter(),
            { } llama when everyMatchIsPiece && llama == Llama3Splitter.PatternFor(3) => new Llama3Splitter(3),
            { } qwen when everyMatchIsPiece && qwen == Llama3Splitter.PatternFor(1) => new Llama3Splitter(1),
            _ => new PatternSplitter(PatternReader.Read(pattern), behavior, isInverted),
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
        var (replacement, scheme, split) = (field["replacement"], field["prepend_scheme"], field["split"]);
        var (addPrefixSpace, _) = (field["add_prefix_space"], field.Last("str_rep"));
        return (replacement.Letter(), ReadScheme(scheme, addPrefixSpace), split.Boolean(true));
    }

    private static PrependScheme ReadScheme(JsonField scheme, JsonField addPrefixSpace)
    {
        var never = !addPrefixSpace.Boolean(true); // the only setting before 2024
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
        var (literal, regex) = KindsOf(field);
        field.RejectOthers();
        if (TextOf(literal) is { } text) return CodePointRegex.FromLiteral(text);
        var pattern = TextOf(regex) ?? throw field.Damaged("String or Regex");
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
    public static string? RegexOf(JsonField field) => TextOf(KindsOf(field).Regex);

    private static (JsonField Literal, JsonField Regex) KindsOf(JsonField field) => (field["String"], field["Regex"]);

    private static string? TextOf(JsonField field)
    {
        var text = field.TextOrNull();
        if (text is { Length: 0 }) throw field.Unexpected("a pattern", "an empty one splits nothing; remove it");
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
        switch (field.Type.TextOrNull())
        {
            case "ByteLevel": // trims offsets, which Bam does not return
                _ = (field["add_prefix_space"], field["trim_offsets"], field.Last("use_regex"));
                return ([], []);
            case "TemplateProcessing":
                var (single, _, special) = (field["single"], field["pair"], field.Last("special_tokens"));
                return ReadTemplate(single, special, hasId);
            case "Sequence":
                (int[] Before, int[] After) all = ([], []);
                foreach (var processor in field.Last("processors").Items())
                {
                    var (before, after) = Read(processor, hasId);
                    all = ([.. before, .. all.Before], [.. all.After, .. after]);
                }

                return all;
            default:
                throw field.Type.Unexpected(
                    "ByteLevel, TemplateProcessing or Sequence", "Bam does not read this post-processor");
        }
    }

    private static (int[] Before, int[] After) ReadTemplate(JsonField single, JsonField special, Func<int, bool> hasId)
    {
        List<int> before = [], after = [];
        var texts = 0;
        foreach (var piece in single.Items())
        {
            var (token, sequence) = (piece["SpecialToken"], piece.Last("Sequence"));
            if (!sequence.IsNull)
            {
                if (sequence["id"].Text() != "A" || ++texts > 1) throw single.Damaged("the sequence A once");
                continue;
            }

            var name = token["id"].Text();
            foreach (var id in special[name]["ids"].Items())
            {
                if (!hasId(id.Integer())) throw id.Damaged("the id of a token");
                (texts == 0 ? before : after).Add(id.Integer());
            }
        }

        if (texts == 0) throw single.Damaged("the sequence A once");
        return ([.. before], [.. after]);
    }
}
