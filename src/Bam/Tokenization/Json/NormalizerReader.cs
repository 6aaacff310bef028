using Bam.Tokenization.Normalizers;
using Bam.Tokenization.Unicode;

namespace Bam.Tokenization.Json;

/// <summary>Reads "normalizer".</summary>
internal static class NormalizerReader
{
    /// <summary>The normalizer; null when there is none.</summary>
    /// <exception cref="InvalidInputException">It is of a kind that Bam does not know.</exception>
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
