using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>A relative change in small print, coloured where it is one: of several runs only when its interval leaves out 0.</summary>
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
    public static string Of(Sample changes) => changes.Count < 2
        ? NumberText.Change(1 + changes.Mean)
        : NumberText.Change(1 + changes.Mean).Replace("\u2009%", $" ± {NumberText.Fixed(changes.HalfWidth * 100, 1)}\u2009%", StringComparison.Ordinal);

    private static string Class(Sample changes)
    {
        var isClear = changes.Count < 2 ? Math.Abs(changes.Mean) >= Smallest : Math.Abs(changes.Mean) > changes.HalfWidth;
        return !isClear ? "same" : changes.Mean < 0 ? "better" : "worse";
    }
}
