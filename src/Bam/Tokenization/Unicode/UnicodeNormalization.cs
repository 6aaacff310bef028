using System.Buffers;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Bam.Tokenization.Unicode;

/// <summary>
/// The four normalization forms (Unicode Standard Annex 15). <see cref="string.Normalize()"/> cannot be used, because it returns
/// its input unchanged under InvariantGlobalization. Normalized text costs one pass and no allocation.
/// </summary>
internal sealed class UnicodeNormalization
{
    /// <summary>Canonical decomposition.</summary>
    public static readonly UnicodeNormalization Nfd = new(compose: false, compatibility: false);

    /// <summary>Canonical decomposition, then canonical composition.</summary>
    public static readonly UnicodeNormalization Nfc = new(compose: true, compatibility: false);

    /// <summary>Compatibility decomposition.</summary>
    public static readonly UnicodeNormalization Nfkd = new(compose: false, compatibility: true);

    /// <summary>Compatibility decomposition, then canonical composition.</summary>
    public static readonly UnicodeNormalization Nfkc = new(compose: true, compatibility: true);

    private readonly bool compose;
    private readonly bool compatibility;

    // Code points below are starters that do not change.
    private readonly char firstAffected;

    private UnicodeNormalization(bool compose, bool compatibility)
    {
        this.compose = compose;
        this.compatibility = compatibility;
        firstAffected = compatibility ? '\u00A0' : compose ? '\u0300' : '\u00C0';
    }

    /// <summary>The text in this form; the same span if it is already normalized. Unpaired surrogates are kept.</summary>
    public ReadOnlySpan<char> Normalize(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAnyExceptInRange('\0', (char)(firstAffected - 1)) < 0) return text;
        var data = NormalizationData.Instance;
        StringBuilder? output = null;
        var copied = 0; // everything before it is in output
        var boundary = 0; // text before it does not interact with text after it
        byte lastClass = 0;
        var i = 0;
        while (i < text.Length)
        {
            var codePoint = CodePointAt(text, i, out var length);
            if (IsBoundary(data, codePoint))
            {
                boundary = i;
                lastClass = 0;
                i += length;
                continue;
            }

            var combiningClass = data.ClassOf(codePoint);
            if (!MayChange(data, codePoint) && combiningClass >= lastClass)
            {
                lastClass = combiningClass;
                i += length;
                continue;
            }

            i += length;
            while (i < text.Length && !IsBoundary(data, CodePointAt(text, i, out length))) i += length;
            output ??= new StringBuilder(text.Length + 16);
            output.Append(text[copied..boundary]);
            AppendNormalized(data, text[boundary..i], output);
            copied = boundary = i;
            lastClass = 0;
        }

        return output is null ? text : output.Append(text[copied..]).ToString();
    }

    private static int CodePointAt(ReadOnlySpan<char> text, int index, out int length)
    {
        var isPair = Rune.DecodeFromUtf16(text[index..], out var rune, out length) == OperationStatus.Done && length == 2;
        if (isPair) return rune.Value;
        length = 1;
        return text[index];
    }

    private static void Append(StringBuilder output, int codePoint)
    {
        if (codePoint > char.MaxValue)
            output.Append(new Rune(codePoint));
        else
            output.Append((char)codePoint);
    }

    private static void SortByClass(NormalizationData data, List<int> codePoints)
    {
        var all = CollectionsMarshal.AsSpan(codePoints);
        for (var start = 0; start < all.Length; start++)
        {
            var end = start;
            while (end < all.Length && data.ClassOf(all[end]) > 0) end++;
            if (end - start > 1) SortMarks(data, all[start..end]);
            start = end;
        }
    }

    // Counting sort, because a run of marks may be as long as the text; stable within a class.
    private static void SortMarks(NormalizationData data, Span<int> marks)
    {
        Span<int> places = stackalloc int[byte.MaxValue + 2]; // where the next mark of a class goes
        places.Clear();
        foreach (var mark in marks) places[data.ClassOf(mark) + 1]++;
        for (var i = 1; i < places.Length; i++) places[i] += places[i - 1];
        foreach (var mark in marks.ToArray()) marks[places[data.ClassOf(mark)]++] = mark;
    }

    private static void ComposeInPlace(NormalizationData data, List<int> codePoints)
    {
        var starter = -1;
        var lastClass = -1; // of the last code point kept after the starter; -1 if none
        var kept = 0;
        foreach (var codePoint in codePoints.ToArray())
        {
            var combiningClass = data.ClassOf(codePoint);
            var blocked = lastClass >= combiningClass;
            var composite = starter < 0 || blocked ? -1 : data.Compose(codePoints[starter], codePoint);
            if (composite >= 0)
            {
                codePoints[starter] = composite;
                continue;
            }

            if (combiningClass == 0) starter = kept;
            lastClass = combiningClass == 0 ? -1 : combiningClass;
            codePoints[kept++] = codePoint;
        }

        codePoints.RemoveRange(kept, codePoints.Count - kept);
    }

    private bool MayChange(NormalizationData data, int codePoint) =>
        compose ? data.MayChangeWhenComposed(codePoint, compatibility) : data.Decomposes(codePoint, compatibility);

    private bool IsBoundary(NormalizationData data, int codePoint) =>
        codePoint < firstAffected || (data.ClassOf(codePoint) == 0 && !MayChange(data, codePoint));

    private void AppendNormalized(NormalizationData data, ReadOnlySpan<char> text, StringBuilder output)
    {
        var codePoints = new List<int>(text.Length * 2);
        for (var i = 0; i < text.Length;)
        {
            data.Decompose(CodePointAt(text, i, out var length), compatibility, codePoints);
            i += length;
        }

        SortByClass(data, codePoints);
        if (compose) ComposeInPlace(data, codePoints);
        foreach (var codePoint in codePoints) Append(output, codePoint);
    }
}

/// <summary>
/// Combining classes, decompositions and compositions from normalization-data.txt (its generator is next to it). Characters added
/// after Unicode 9 are not normalized, as in Hugging Face's tokenizers 0.22 and 0.23.
/// </summary>
internal sealed class NormalizationData
{
    private const string Resource = "Bam.Tokenization.Unicode.normalization-data.txt";

    // Hangul syllables are computed (The Unicode Standard, section 3.12): S = SBase + (L * 21 + V) * 28 + T.
    private const int SBase = 0xAC00, LBase = 0x1100, VBase = 0x1161, TBase = 0x11A7;
    private const int LCount = 19, VCount = 21, TCount = 28, SCount = LCount * VCount * TCount;

    private static readonly Lazy<NormalizationData> Shared = new(() => new NormalizationData());

    private readonly Dictionary<int, byte> classes = [];
    private readonly Dictionary<int, int[]> canonical = [];
    private readonly Dictionary<int, int[]> compatible = [];
    private readonly Dictionary<(int First, int Second), int> compositions = [];
    private readonly HashSet<int> excluded = [];
    private readonly HashSet<int> composesWithPrevious = [];

    private NormalizationData()
    {
        using var stream = typeof(NormalizationData).Assembly.GetManifestResourceStream(Resource)!;
        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            if (line[0] == '#') continue;
            Add(line[0], Array.ConvertAll(line[2..].Split(' '), Hexadecimal));
        }
    }

    /// <summary>The shared instance, loaded on first use.</summary>
    public static NormalizationData Instance => Shared.Value;

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public byte ClassOf(int codePoint) => classes.GetValueOrDefault(codePoint);

    public bool Decomposes(int codePoint, bool compatibility) =>
        IsSyllable(codePoint) || canonical.ContainsKey(codePoint) || (compatibility && compatible.ContainsKey(codePoint));

    /// <summary>True if composition may change the code point: quick check "No" or "Maybe".</summary>
    public bool MayChangeWhenComposed(int codePoint, bool compatibility) =>
        excluded.Contains(codePoint) || composesWithPrevious.Contains(codePoint)
        || (compatibility && compatible.ContainsKey(codePoint))
        || (codePoint is > VBase - 1 and < VBase + VCount) || (codePoint is > TBase and < TBase + TCount);

    /// <summary>Appends the full decomposition.</summary>
    public void Decompose(int codePoint, bool compatibility, List<int> output)
    {
        if (IsSyllable(codePoint))
        {
            var (index, t) = Math.DivRem(codePoint - SBase, TCount);
            output.Add(LBase + index / VCount);
            output.Add(VBase + index % VCount);
            if (t > 0) output.Add(TBase + t);
        }
        else if ((compatibility && compatible.TryGetValue(codePoint, out var parts))
            || canonical.TryGetValue(codePoint, out parts))
        {
            foreach (var part in parts) Decompose(part, compatibility, output);
        }
        else
        {
            output.Add(codePoint);
        }
    }

    /// <summary>The primary composite of two code points, or -1.</summary>
    public int Compose(int first, int second)
    {
        if (first is >= LBase and < LBase + LCount && second is >= VBase and < VBase + VCount)
            return SBase + ((first - LBase) * VCount + second - VBase) * TCount;
        if (IsSyllable(first) && (first - SBase) % TCount == 0 && second is > TBase and < TBase + TCount)
            return first + second - TBase;
        return compositions.GetValueOrDefault((first, second), -1);
    }

    private static int Hexadecimal(string word) => int.Parse(word, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private static bool IsSyllable(int codePoint) => codePoint is >= SBase and < SBase + SCount;

    private void Add(char kind, int[] numbers)
    {
        switch (kind)
        {
            case 'c':
                for (var codePoint = numbers[0]; codePoint <= numbers[1]; codePoint++) classes[codePoint] = (byte)numbers[2];
                break;
            case 'k':
                compatible[numbers[0]] = numbers[1..];
                break;
            default:
                canonical[numbers[0]] = numbers[1..];
                if (kind == 'x')
                {
                    excluded.Add(numbers[0]);
                }
                else
                {
                    compositions[(numbers[1], numbers[2])] = numbers[0];
                    composesWithPrevious.Add(numbers[2]);
                }

                break;
        }
    }
}
