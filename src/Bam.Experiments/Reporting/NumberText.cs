using System.Globalization;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>Numbers as the report prints them: invariant, with a true minus sign and thin spaces before units.</summary>
internal static class NumberText
{
    /// <summary>Stands for a value that was not measured.</summary>
    public const string Missing = "–";

    private const char ThinSpace = '\u2009';
    private const char Minus = '\u2212';
    private static readonly string[] Units = ["", "k", "M", "G", "T", "P", "E"];

    /// <summary>With that many decimals.</summary>
    public static string Fixed(double value, int decimals) =>
        double.IsFinite(value)
            ? value.ToString($"N{decimals}", CultureInfo.InvariantCulture).Replace(',', ThinSpace).Replace('-', Minus)
            : Missing;

    /// <summary>Three significant digits and a unit prefix: 1.23 M.</summary>
    public static string Compact(double value)
    {
        if (!double.IsFinite(value)) return Missing;
        var power = 0;
        // 999.5 rounds to "1000" at three digits, so the next prefix starts there.
        while (Math.Abs(value) >= 999.5 && power < Units.Length - 1)
        {
            value /= 1000;
            power++;
        }

        var decimals = Math.Abs(value) switch { >= 99.95 => 0, >= 9.995 => 1, _ => 2 };
        var format = power == 0 && value == Math.Round(value) ? "0" : $"F{decimals}";
        var digits = value.ToString(format, CultureInfo.InvariantCulture);
        return (power == 0 ? digits : $"{digits}{ThinSpace}{Units[power]}").Replace('-', Minus);
    }

    /// <summary>A relative change with its sign: +4.2 %.</summary>
    public static string Change(double ratio)
    {
        if (!double.IsFinite(ratio)) return Missing;
        var percent = (ratio - 1) * 100;
        var decimals = Math.Abs(percent) < 99.95 ? 1 : 0;
        var rounded = Math.Round(percent, decimals);
        var sign = rounded < 0 ? $"{Minus}" : rounded > 0 ? "+" : "±";
        return $"{sign}{Fixed(Math.Abs(rounded), decimals)}{ThinSpace}%";
    }

    /// <summary>A part of a whole, in per cent without the sign.</summary>
    public static string Share(double fraction) => Fixed(fraction * 100, 0);

    /// <summary>A duration at the precision in which people compare: 48 s, 12.5 min, 3.2 h.</summary>
    public static string Duration(double seconds) => seconds switch
    {
        < 100 => $"{Fixed(seconds, seconds < 10 ? 1 : 0)}{ThinSpace}s",
        < 6000 => $"{Fixed(seconds / 60, 1)}{ThinSpace}min",
        _ => $"{Fixed(seconds / 3600, 1)}{ThinSpace}h",
    };

    /// <summary>A round number as an axis shows it: 500 k, 1.5 M.</summary>
    public static string Tick(double value)
    {
        var parts = Compact(value).Split(ThinSpace);
        if (parts[0].Contains('.', StringComparison.Ordinal)) parts[0] = parts[0].TrimEnd('0').TrimEnd('.');
        return string.Join(ThinSpace, parts);
    }

    /// <summary>The name cut in its middle to that many characters: names differ at their ends.</summary>
    public static string Shorten(string name, int length)
    {
        if (name.Length <= length) return name;
        var tail = (length - 1) / 2;
        return $"{name[..(length - 1 - tail)]}…{name[^tail..]}";
    }
}

/// <summary>
/// A relative change in small print, coloured if it is significant: for several runs, if its interval excludes 0.
/// </summary>
internal static class ChangeText
{
    private const double Smallest = 0.0005;

    /// <summary>Appends the change, with half the width of its interval where there are several runs.</summary>
    public static void Add(Html html, Sample changes)
    {
        if (!double.IsFinite(changes.Mean)) return;
        html.Add($"<small class='{Class(changes)}'>{Of(changes)}</small>");
    }

    /// <summary>The change in words: −4.2 ± 0.8 %.</summary>
    public static string Of(Sample changes)
    {
        var mean = NumberText.Change(1 + changes.Mean);
        if (changes.Count < 2) return mean;
        var reach = NumberText.Fixed(changes.HalfWidth * 100, 1);
        return mean.Replace("\u2009%", $" ± {reach}\u2009%", StringComparison.Ordinal);
    }

    private static string Class(Sample changes)
    {
        var isClear = changes.Count < 2 ? Math.Abs(changes.Mean) >= Smallest : Math.Abs(changes.Mean) > changes.HalfWidth;
        return !isClear ? "same" : changes.Mean < 0 ? "better" : "worse";
    }
}
