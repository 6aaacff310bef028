namespace Bam.Experiments.Reporting;

/// <summary>Maps values to pixels along one side of a figure, linearly or by their logarithm, and places round ticks.</summary>
internal sealed class Axis
{
    private readonly double low;
    private readonly double high;
    private readonly double from;
    private readonly double to;

    private Axis(double low, double high, double from, double to, bool isLogarithmic, IReadOnlyList<double> ticks)
    {
        (this.low, this.high, this.from, this.to) = (low, high, from, to);
        (IsLogarithmic, Ticks) = (isLogarithmic, ticks);
    }

    /// <summary>Whether equal distances are equal ratios.</summary>
    public bool IsLogarithmic { get; }

    /// <summary>The values worth a label, all within the axis.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>The pixel of a value.</summary>
    public double this[double value]
    {
        get
        {
            var part = IsLogarithmic ? Math.Log(value / low) / Math.Log(high / low) : (value - low) / (high - low);
            return from + (part * (to - from));
        }
    }

    /// <summary>An axis from exactly <paramref name="low"/> to exactly <paramref name="high"/>.</summary>
    public static Axis Exact(double low, double high, double from, double to, int ticks)
    {
        if (!(high > low)) high = low + 1;
        var step = Step((high - low) / ticks);
        return new(low, high, from, to, isLogarithmic: false, Multiples(low, high, step));
    }

    /// <summary>An axis widened to round ends; logarithmic when the largest value is more than four times the smallest.</summary>
    public static Axis Rounded(double low, double high, double from, double to, int ticks)
    {
        if (low > 0 && high / low > 4) return Logarithmic(low, high, from, to);
        if (!(high > low)) (low, high) = (low - 0.5, high + 0.5);
        var step = Step((high - low) / ticks);
        low = Math.Floor((low / step) + 1e-9) * step;
        high = Math.Ceiling((high / step) - 1e-9) * step;
        return new(low, high, from, to, isLogarithmic: false, Multiples(low, high, step));
    }

    private static Axis Logarithmic(double low, double high, double from, double to)
    {
        double[] mantissas = [1, 1.5, 2, 3, 5, 7];
        var ticks = new List<double>();
        for (var exponent = Math.Floor(Math.Log10(low)); exponent <= Math.Ceiling(Math.Log10(high)); exponent++)
            ticks.AddRange(mantissas.Select(mantissa => mantissa * Math.Pow(10, exponent)));
        low = ticks.Last(tick => tick <= low * (1 + 1e-9));
        high = ticks.First(tick => tick >= high * (1 - 1e-9));
        ticks.RemoveAll(tick => tick < low || tick > high);
        return new(low, high, from, to, isLogarithmic: true, ticks);
    }

    private static double Step(double rough)
    {
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return (rough / power) switch { <= 1 => 1, <= 2 => 2, <= 2.5 => 2.5, <= 5 => 5, _ => 10 } * power;
    }

    private static List<double> Multiples(double low, double high, double step)
    {
        var ticks = new List<double>();
        for (var i = (long)Math.Ceiling((low / step) - 1e-9); i * step <= high + (1e-9 * step); i++) ticks.Add(i * step);
        return ticks;
    }
}
