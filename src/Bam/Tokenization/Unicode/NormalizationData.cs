using System.Globalization;

namespace Bam.Tokenization.Unicode;

/// <summary>
/// Combining classes, decompositions and compositions, from normalization-data.txt (its maker stands beside it). Characters
/// younger than Unicode 9 keep their form, as with Hugging Face's tokenizers 0.22 and 0.23.
/// </summary>
internal sealed class NormalizationData
{
    private const string Resource = "Bam.Tokenization.Unicode.normalization-data.txt";

    // Hangul syllables are arithmetic (The Unicode Standard, section 3.12): S = SBase + (L * 21 + V) * 28 + T.
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

    /// <summary>The one copy, read at first use.</summary>
    public static NormalizationData Instance => Shared.Value;

    /// <summary>The canonical combining class; 0 for a starter.</summary>
    public byte ClassOf(int codePoint) => classes.GetValueOrDefault(codePoint);

    /// <summary>True when the code point has a decomposition.</summary>
    public bool Decomposes(int codePoint, bool compatibility) =>
        IsSyllable(codePoint) || canonical.ContainsKey(codePoint) || (compatibility && compatible.ContainsKey(codePoint));

    /// <summary>True when a composing form never or not always keeps the code point: quick check "No" or "Maybe".</summary>
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
