using Bam.Tokenization.Pipeline;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Json;

/// <summary>Reads "decoder": ByteLevel for byte-level BPE, Metaspace or a Sequence of steps for character-level BPE.</summary>
internal sealed class DecoderReader
{
    private readonly List<DecodingStepFactory> steps = [];
    private bool fallsBackToBytes;
    private bool isFused; // the tokens have been joined

    private DecoderReader() { }

    /// <summary>Reads the decoder; <paramref name="isByteLevel"/> if the pre-tokenizer ends in ByteLevel.</summary>
    /// <exception cref="InvalidInputException">It is missing, or does not match the pre-tokenizer.</exception>
    public static TokenDecoder Read(JsonField field, bool isByteLevel)
    {
        if (isByteLevel) return ReadByteLevel(field);
        const string Expected = "Metaspace or a Sequence of Replace, ByteFallback, Fuse and Strip";
        if (field.IsNull) throw field.Unexpected(Expected, "without one, tokens would be text with spaces between them");
        var reader = new DecoderReader();
        reader.ReadInto(field);
        return new TokenDecoder(
            reader.steps,
            token => reader.fallsBackToBytes && ByteToken.ValueOf(token) is var value and >= 0 ? [(byte)value] : null);
    }

    private static TokenDecoder ReadByteLevel(JsonField field)
    {
        const string Expected = "ByteLevel";
        const string Hint = "the pre-tokenizer ends in ByteLevel, and Bam reads no other decoder with it";
        if (field.IsNull) throw field.Unexpected(Expected, Hint);
        if (field.Type.TextOrNull() != Expected) throw field.Type.Unexpected(Expected, Hint);
        _ = (field["add_prefix_space"], field["trim_offsets"], field.Last("use_regex"));
        return new TokenDecoder([(next, _) => new ByteLevelStep(next)], token => ByteAlphabet.BytesOf(token));
    }

    private void ReadInto(JsonField field)
    {
        switch (field.Type.TextOrNull())
        {
            case "Sequence":
                foreach (var step in field.Last("decoders").Items()) ReadInto(step);
                break;
            case "Replace":
                var (pattern, content) = (field["pattern"], field.Last("content"));
                var replace = new Replace(PatternReader.Read(pattern), content.Text());
                // Replacing a single character does not depend on where the text is split.
                if (isFused && !replace.IsOfOneLetter) throw OutOfOrder(field, "before Fuse");
                steps.Add((next, _) => new ReplaceStep(replace, next));
                break;
            case "ByteFallback":
                field.RejectOthers();
                if (isFused || fallsBackToBytes) throw OutOfOrder(field, "before Fuse, once");
                fallsBackToBytes = true;
                steps.Add((next, _) => new ByteFallbackStep(next));
                break;
            case "Fuse": // passing tokens on one by one is equivalent
                field.RejectOthers();
                isFused = true;
                break;
            case "Strip":
                ReadStrip(field);
                break;
            case "Metaspace":
                if (isFused) throw OutOfOrder(field, "before Fuse");
                var (replacement, scheme, _) = MetaspaceReader.Read(field);
                steps.Add((next, continues) => new MetaspaceStep(replacement, scheme != PrependScheme.Never && !continues, next));
                break;
            default:
                throw field.Type.Unexpected(
                    "Sequence, Replace, ByteFallback, Fuse, Strip or Metaspace", "Bam does not read this decoder here");
        }
    }

    private void ReadStrip(JsonField field)
    {
        var (content, start, stop) = (field["content"], field["start"], field.Last("stop"));
        if (!isFused) throw OutOfOrder(field, "after Fuse");
        var (letter, atStart, atEnd) = (content.Letter(), start.Integer(), stop.Integer());
        steps.Add((next, continues) => new StripStep(letter, continues ? 0 : atStart, atEnd, next));
    }

    private static InvalidInputException OutOfOrder(JsonField field, string place) =>
        field.Type.Unexpected($"this step {place}", "Bam does not read a decoder in this order");
}
