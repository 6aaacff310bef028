using System.Text;
using Bam.Tokenization.Unicode;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

/// <summary>Cases of Unicode's NormalizationTest.txt up to Unicode 9.</summary>
public sealed class UnicodeNormalizationTests
{
    [Theory]
    // text, NFC, NFD, NFKC, NFKD
    [InlineData("\u1E0A", "\u1E0A", "D\u0307", "\u1E0A", "D\u0307")]
    [InlineData("D\u0323\u0307", "\u1E0C\u0307", "D\u0323\u0307", "\u1E0C\u0307", "D\u0323\u0307")]
    [InlineData("D\u0307\u0323", "\u1E0C\u0307", "D\u0323\u0307", "\u1E0C\u0307", "D\u0323\u0307")]
    [InlineData("\u212B", "\u00C5", "A\u030A", "\u00C5", "A\u030A")]
    [InlineData("\uAC01", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8", "\uAC01", "\u1100\u1161\u11A8")]
    [InlineData("\uFB01 \u2167 \u00BD", "\uFB01 \u2167 \u00BD", "\uFB01 \u2167 \u00BD", "fi VIII 1\u20442", "fi VIII 1\u20442")]
    [InlineData("\uFDFA", "\uFDFA", "\uFDFA",
        "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 \u0648\u0633\u0644\u0645",
        "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064A\u0647 \u0648\u0633\u0644\u0645")]
    [InlineData("\U0001D15E", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165", "\U0001D157\U0001D165")]
    [InlineData("\U0002F800", "\u4E3D", "\u4E3D", "\u4E3D", "\u4E3D")]
    [InlineData("\U0001D400", "\U0001D400", "\U0001D400", "A", "A")]
    [InlineData("a\u0328\u0301", "\u0105\u0301", "a\u0328\u0301", "\u0105\u0301", "a\u0328\u0301")]
    [InlineData("\u0958", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C", "\u0915\u093C")]
    public void Forms_are_the_standards(string text, string nfc, string nfd, string nfkc, string nfkd)
    {
        foreach (var (before, after) in new[] { ("", ""), ("x", "y"), ("\u00E9 ", " \u4E00") })
        {
            UnicodeNormalization.Nfc.Normalize(before + text + after).ToString().ShouldBe(before + nfc + after);
            UnicodeNormalization.Nfkc.Normalize(before + text + after).ToString().ShouldBe(before + nfkc + after);
        }

        UnicodeNormalization.Nfd.Normalize(text).ToString().ShouldBe(nfd);
        UnicodeNormalization.Nfkd.Normalize(text).ToString().ShouldBe(nfkd);
    }

    [Fact]
    public void A_character_younger_than_Hugging_Faces_tables_keeps_its_form() =>
        UnicodeNormalization.Nfkc.Normalize("\u32FF").ToString().ShouldBe("\u32FF"); // SQUARE ERA NAME REIWA, Unicode 12.1

    [Fact]
    public void Unpaired_surrogates_stay() =>
        UnicodeNormalization.Nfc.Normalize("\uD800e\u0301\uDC00").ToString().ShouldBe("\uD800\u00E9\uDC00");

    [Fact]
    public void Forms_are_fixed_points_and_agree_with_each_other()
    {
        var random = new RandomStream(4, "forms");
        for (var i = 0; i < 2000; i++)
        {
            var text = RandomText.Next(ref random) + Marks(ref random);
            var nfc = UnicodeNormalization.Nfc.Normalize(text).ToString();
            var nfd = UnicodeNormalization.Nfd.Normalize(text).ToString();
            UnicodeNormalization.Nfc.Normalize(nfc).ToString().ShouldBe(nfc);
            UnicodeNormalization.Nfd.Normalize(nfd).ToString().ShouldBe(nfd);
            UnicodeNormalization.Nfc.Normalize(nfd).ToString().ShouldBe(nfc);
            UnicodeNormalization.Nfd.Normalize(nfc).ToString().ShouldBe(nfd);
            UnicodeNormalization.Nfkd.Normalize(nfc).ToString().ShouldBe(UnicodeNormalization.Nfkd.Normalize(text).ToString());
        }
    }

    [Fact]
    public void Marks_of_one_class_keep_their_order_in_a_run_as_long_as_the_text()
    {
        // Steps that grow with the square would take days.
        const int pairs = 2_000_000;
        // U+0301 and U+0300 have class 230, U+0323 has class 220.
        var text = "q" + string.Concat(Enumerable.Repeat("\u0301\u0323\u0300\u0323", pairs / 2));
        var expected = "q" + new string('\u0323', pairs) + string.Concat(Enumerable.Repeat("\u0301\u0300", pairs / 2));
        UnicodeNormalization.Nfd.Normalize(text).SequenceEqual(expected).ShouldBeTrue();
    }

    private static string Marks(ref RandomStream random)
    {
        var text = new StringBuilder("o");
        for (var i = 0; i < 6; i++) text.Append((char)('\u0300' + random.NextInt64(0x70)));
        return text.ToString();
    }
}
