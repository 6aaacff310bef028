using System.Globalization;
using System.Text;

namespace Bam.Tokenization.Unicode;

/// <summary>
/// Translates a pattern from Oniguruma's Ruby syntax, as used in tokenizer.json, to .NET. Constructs with a different meaning are
/// rewritten (possessive quantifiers, `{n,m}+`, `{,n}`, the long s under `(?i:`) or rejected.
/// </summary>
internal sealed class RegexTranslator
{
    private readonly string pattern;
    private readonly StringBuilder output = new();

    // Per open group: its start in the output, and whether case was ignored outside.
    private readonly Stack<(int Start, bool IgnoreCase)> groups = new();
    private bool ignoreCase;
    private int atom = -1; // start of the last quantifiable element in the output; -1 if none
    private int position;

    private RegexTranslator(string pattern) => this.pattern = pattern;

    private char Current => pattern[position];

    private ReadOnlySpan<char> Rest => pattern.AsSpan(position);

    /// <summary>The pattern for .NET with the options Multiline, ExplicitCapture and CultureInvariant.</summary>
    /// <exception cref="NotSupportedException">A construct has no equivalent; the message names it.</exception>
    public static string Translate(string pattern) => new RegexTranslator(pattern).Run();

    private static NotSupportedException Unsupported(string construct) => new(construct);

    private string Run()
    {
        while (position < pattern.Length)
        {
            switch (Current)
            {
                case '\\':
                    StartAtom();
                    Escape(inSet: false);
                    break;
                case '[':
                    StartAtom();
                    Set();
                    break;
                case '(':
                    OpenGroup();
                    break;
                case ')':
                    CloseGroup();
                    break;
                case '*' or '+' or '?':
                    Quantifier(Take(1));
                    break;
                case '{' when Interval() is { } interval:
                    Quantifier(interval);
                    break;
                case '|' or '^' or '$':
                    Take(1, copy: true);
                    atom = -1;
                    break;
                default:
                    StartAtom();
                    Literal(inSet: false);
                    break;
            }
        }

        return output.ToString();
    }

    private void StartAtom() => atom = output.Length;

    private string Take(int count, bool copy = false)
    {
        var taken = pattern.Substring(position, count);
        position += count;
        if (copy) output.Append(taken);
        return taken;
    }

    private void Literal(bool inSet)
    {
        if (char.IsSurrogate(Current)) throw Unsupported("a character beyond U+FFFF");
        var isLongS = ignoreCase && Current is 's' or 'S';
        var literal = Take(1);
        if (isLongS && inSet) throw Unsupported("a set with an s under (?i:");
        output.Append(isLongS ? "[sS\u017F]" : literal);
    }

    private void Escape(bool inSet)
    {
        if (position + 1 == pattern.Length) throw Unsupported("a backslash at the end");
        var letter = pattern[position + 1];
        switch (letter)
        {
            case 's' or 'S' or 'd' or 'D' or 'n' or 'r' or 't' or 'f' or 'v':
                Take(2, copy: true);
                break;
            case 'A' or 'z' when !inSet:
                Take(2, copy: true);
                break;
            case 'p' or 'P':
                Property();
                break;
            case 'u' when Hexadecimal(position + 2, 4) is not null:
                Take(6, copy: true);
                break;
            case 'x':
                HexadecimalEscape();
                break;
            case '_':
                position++;
                Take(1, copy: true);
                break;
            default:
                if (char.IsAsciiLetterOrDigit(letter) || char.IsSurrogate(letter)) throw Unsupported($"\\{letter}");
                Take(2, copy: true);
                break;
        }
    }

    // Only general categories (\p{L}, \p{Lu}): scripts and derived properties have no .NET equivalent.
    private void Property()
    {
        var close = pattern.IndexOf('}', position);
        var isCategory = close > 0 && Rest[2] == '{' && Rest[3..(close - position)] switch
        {
            [>= 'A' and <= 'Z'] => true,
            [>= 'A' and <= 'Z', >= 'a' and <= 'z'] => true,
            _ => false,
        };
        if (!isCategory) throw Unsupported(close > 0 ? pattern[position..(close + 1)] : "\\p without braces");
        Take(close + 1 - position, copy: true);
    }

    // `\x{263A}`, or `\x41`, which denotes a byte and thus a character only below 80.
    private void HexadecimalEscape()
    {
        var close = Rest is ['\\', 'x', '{', ..] ? pattern.IndexOf('}', position) : -1;
        var value = close > 0 ? Hexadecimal(position + 3, close - position - 3) : Hexadecimal(position + 2, 2);
        if (value is null || value > (close > 0 ? 0xFFFF : 0x7F)) throw Unsupported("\\x beyond one character");
        position = close > 0 ? close + 1 : position + 4;
        output.Append(CultureInfo.InvariantCulture, $"\\u{value:X4}");
    }

    private int? Hexadecimal(int start, int length) =>
        length > 0 && start + length <= pattern.Length && int.TryParse(
            pattern.AsSpan(start, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
                ? value
                : null;

    private void Set()
    {
        Take(Rest is ['[', '^', ..] ? 2 : 1, copy: true);
        for (var first = true; ; first = false)
        {
            if (position == pattern.Length) throw Unsupported("a set without its ]");
            if (Current == ']')
            {
                if (first) throw Unsupported("a set that begins with ]");
                Take(1, copy: true);
                return;
            }

            if (Current == '[') throw Unsupported("a set inside a set");
            if (Rest is ['&', '&', ..]) throw Unsupported("&& inside a set");
            if (Current == '\\')
                Escape(inSet: true);
            else
                Literal(inSet: true);
        }
    }

    private void OpenGroup()
    {
        groups.Push((output.Length, ignoreCase));
        atom = -1;
        if (Rest is not ['(', '?', ..])
        {
            Take(1, copy: true);
            return;
        }

        foreach (var opening in (ReadOnlySpan<string>)["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:", "(?-i:"])
        {
            if (!Rest.StartsWith(opening, StringComparison.Ordinal)) continue;
            if (opening is "(?i:") ignoreCase = true;
            if (opening is "(?-i:") ignoreCase = false;
            Take(opening.Length, copy: true);
            return;
        }

        throw Unsupported($"the group {pattern[position..Math.Min(position + 4, pattern.Length)]}");
    }

    private void CloseGroup()
    {
        if (groups.Count == 0) throw Unsupported("a ) without its (");
        (atom, ignoreCase) = groups.Pop();
        Take(1, copy: true);
    }

    // The interval {n}, {n,}, {n,m} or {,m} at the position, in .NET's syntax; null if the brace is a literal.
    private string? Interval()
    {
        var close = pattern.IndexOf('}', position);
        if (close < 0) return null;
        var bounds = pattern[(position + 1)..close].Split(',');
        if (bounds.Length > 2 || !bounds.All(b => b.All(char.IsAsciiDigit)) || bounds.All(b => b.Length == 0)) return null;
        position = close + 1;
        return bounds is ["", var most] ? $"{{0,{most}}}" : $"{{{string.Join(',', bounds)}}}";
    }

    private void Quantifier(string quantifier)
    {
        if (atom < 0) throw Unsupported($"{quantifier} after nothing that can be repeated");
        var suffix = position < pattern.Length && Current is '+' or '?' ? Take(1)[0] : '\0';
        var isInterval = quantifier[0] == '{';
        switch (suffix)
        {
            case '?' when isInterval && !quantifier.Contains(','):
                throw Unsupported($"{quantifier}?");
            case '+' when isInterval: // Ruby repeats the interval; it is possessive in Java's syntax only
                output.Insert(atom, "(?:").Append(quantifier).Append(")+");
                break;
            case '+':
                output.Insert(atom, "(?>").Append(quantifier).Append(')');
                break;
            case '?':
                output.Append(quantifier).Append('?');
                break;
            default:
                output.Append(quantifier);
                break;
        }

        if (position < pattern.Length && Current is '*' or '+' or '?') throw Unsupported("a quantifier after a quantifier");
    }
}
