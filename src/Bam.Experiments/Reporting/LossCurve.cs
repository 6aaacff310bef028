using Bam.Experiments.Findings;

namespace Bam.Experiments.Reporting;

/// <summary>One model's training loss, thinned to what a figure can show.</summary>
internal sealed class LossCurve
{
    private const int MostPoints = 240;

    /// <summary>Thins and smooths the points of a model.</summary>
    public LossCurve(string name, string color, IReadOnlyList<LossPoint> points)
    {
        (Name, Color) = (name, color);
        Raw = Thin([.. points.Where(point => double.IsFinite(point.Loss))]);
        Smooth = MovingAverage(Raw);
    }

    private LossCurve(string name, string color, IReadOnlyList<LossPoint> points, IReadOnlyList<LossRange> band) =>
        (Name, Color, Raw, Smooth, Band) = (name, color, points, points, band);

    /// <summary>The mean of several runs, point by point, and the band from the lowest to the highest of them.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="color">The style class that colours it.</param>
    /// <param name="runs">Each of means over parts of one training; what one has more of than the others is left out.</param>
    public static LossCurve OfRuns(string name, string color, IReadOnlyList<IReadOnlyList<LossPoint>> runs)
    {
        var points = new List<LossPoint>();
        var band = new List<LossRange>();
        for (var i = 0; i < runs.Min(run => run.Count); i++)
        {
            var values = runs.Select(run => run[i]).ToList();
            if (!values.All(value => double.IsFinite(value.Loss))) continue;
            points.Add(new(values.Average(value => value.X), values.Average(value => value.Loss)));
            band.Add(new(points[^1].X, values.Min(value => value.Loss), values.Max(value => value.Loss)));
        }

        return new(name, color, points, runs.Count > 1 ? band : []);
    }

    /// <summary>The model's name.</summary>
    public string Name { get; }

    /// <summary>The style class that colours it.</summary>
    public string Color { get; }

    /// <summary>The logged losses, neighbours averaged where there are more than the figure has pixels.</summary>
    public IReadOnlyList<LossPoint> Raw { get; }

    /// <summary>A centred moving average of <see cref="Raw"/> over a tenth of its length.</summary>
    public IReadOnlyList<LossPoint> Smooth { get; }

    /// <summary>The lowest and the highest of several runs at each point; empty for one run.</summary>
    public IReadOnlyList<LossRange> Band { get; } = [];

    /// <summary>The smoothed loss there, by linear interpolation; NaN outside the run.</summary>
    public double At(double x)
    {
        for (var i = 0; i < Smooth.Count; i++)
        {
            if (Smooth[i].X < x) continue;
            if (i == 0) return Smooth[0].X == x ? Smooth[0].Loss : double.NaN;
            var (before, after) = (Smooth[i - 1], Smooth[i]);
            return before.Loss + ((after.Loss - before.Loss) * (x - before.X) / (after.X - before.X));
        }

        return double.NaN;
    }

    private static List<LossPoint> Thin(List<LossPoint> points)
    {
        if (points.Count <= MostPoints) return points;
        var thinned = new List<LossPoint>(MostPoints);
        for (var i = 0; i < MostPoints; i++)
        {
            var bucket = points[(int)((long)i * points.Count / MostPoints)..(int)((i + 1L) * points.Count / MostPoints)];
            thinned.Add(new(bucket.Average(point => point.X), bucket.Average(point => point.Loss)));
        }

        return thinned;
    }

    // The window shrinks towards the steep beginning, so that the first point stays where it was measured.
    private static List<LossPoint> MovingAverage(IReadOnlyList<LossPoint> points)
    {
        var smoothed = new List<LossPoint>(points.Count);
        for (var i = 0; i < points.Count; i++)
        {
            var reach = Math.Min(points.Count / 20, i);
            smoothed.Add(points[i] with { Loss = points.Skip(i - reach).Take((2 * reach) + 1).Average(point => point.Loss) });
        }

        return smoothed;
    }
}
