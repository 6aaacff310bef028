using Bam.Tokenization.Unicode;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization;

public sealed class CodePointRegexTests
{
    [Theory]
    [InlineData(@"\p{L}+", "ab \U00020000\U0001D49Cc 1", "ab|\U00020000\U0001D49Cc")]
    [InlineData(@"[^\p{L}]", "a\U0001F600b", "\U0001F600")]
    [InlineData(@"\p{N}{1,3}", "\U0001D7D8\U0001D7D9\U0001D7DA\U0001D7DB", "\U0001D7D8\U0001D7D9\U0001D7DA|\U0001D7DB")]
    [InlineData(@"a++b|a+c", "aab aac", "aab|aac")]
    [InlineData(@"(?:ab)*+.", "ababx", "ababx")]
    [InlineData(@"a?+a", "a aa", "aa")]
    [InlineData(@"\p{N}{1,3}+", "1234567", "1234567")]
    [InlineData(@"x{,2}y", "xxy y", "xxy|y")]
    [InlineData(@"(?i:'s|t)S", "'sS 'SS 'sS 'Ss TS ts", "'sS|'SS|'sS|TS")]
    [InlineData(@"(?i:'s)", "'\u017F 'S", "'\u017F|'S")]
    [InlineData(@"^\w?", "", null)]
    [InlineData(@"^.|.$", "ab\ncd", "a|b|c|d")]
    [InlineData(@"\x41|\x{3b1}|\u03b2|\/", "Aαβ/", "A|α|β|/")]
    [InlineData(@"\s+(?!\S)|\_", "a   b_", "  |_")]
    [InlineData(@"[\[\]a-c{]+", "x[b]{y", "[b]{")]
    [InlineData(@"x{y}|{", "x{y}{", "x{y}|{")]
    public void Matches_are_those_of_Oniguruma_over_code_points(string pattern, string text, string? expected)
    {
        if (expected is null)
        {
            Should.Throw<NotSupportedException>(() => CodePointRegex.FromPattern(pattern));
            return;
        }

        string.Join('|', CodePointRegex.FromPattern(pattern).Matches(text).Select(m => text[m.Start..m.End])).ShouldBe(expected);
    }

    [Theory]
    [InlineData(@"\w+", @"\w")]
    [InlineData(@"\bx", @"\b")]
    [InlineData(@"\h", @"\h")]
    [InlineData(@"\p{Han}", @"\p{Han}")]
    [InlineData(@"\p{^L}", @"\p{^L}")]
    [InlineData(@"\pL", "braces")]
    [InlineData(@"[a[bc]]", "a set inside a set")]
    [InlineData(@"[a-z&&[^b]]", "&&")]
    [InlineData(@"[]a]", "begins with ]")]
    [InlineData(@"[abc", "without its ]")]
    [InlineData(@"(?<name>a)", "(?<n")]
    [InlineData(@"(?m:a)", "(?m:")]
    [InlineData(@"a)", "without its (")]
    [InlineData(@"(a", "")]
    [InlineData(@"*a", "nothing that can be repeated")]
    [InlineData(@"a**", "a quantifier after a quantifier")]
    [InlineData(@"a{2}?", "{2}?")]
    [InlineData(@"\x{1F600}", @"\x")]
    [InlineData(@"\xE9", @"\x")]
    [InlineData("\U0001F600", "U+FFFF")]
    [InlineData(@"(?i:[st])", "(?i:")]
    [InlineData("\\", "backslash")]
    public void What_dotnet_would_read_otherwise_is_refused_by_name(string pattern, string named) =>
        Should.Throw<NotSupportedException>(() => CodePointRegex.FromPattern(pattern)).Message.ShouldContain(named);

    [Fact]
    public void An_empty_match_cuts_once_and_not_after_another_match()
    {
        CodePointRegex.FromPattern(@"(?=\p{Lu})").Matches("aBc\U0001D49C").ShouldBe([(1, 1), (3, 3)]);
        CodePointRegex.FromPattern("a*").Matches("baab").ShouldBe([(0, 0), (1, 3), (4, 4)]);
    }
}
