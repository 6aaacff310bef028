namespace Bam.Experiments.Reporting;

/// <summary>Finds places for labels beside points, where they cover neither each other nor what is drawn.</summary>
/// <param name="width">The figure's width: labels stay inside.</param>
/// <param name="top">The labels' upper limit.</param>
/// <param name="bottom">Their lower limit.</param>
internal sealed class LabelPlacer(double width, double top, double bottom)
{
    private const double Height = 13;

    // Right, left, above, below, then the corners.
    private static readonly (double X, double Y)[] Directions = [(1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1)];
    private static readonly double[] Distances = [9, 16, 26, 38, 52, 70];

    private readonly List<(double Left, double Top, double Right, double Bottom)> taken = [];

    /// <summary>Keeps labels away from a drawn rectangle.</summary>
    public void Avoid(double left, double upper, double right, double lower) => taken.Add((left, upper, right, lower));

    /// <summary>The middle of the left edge of a label near a point; the place is taken from then on.</summary>
    /// <param name="x">The point.</param>
    /// <param name="y">The point.</param>
    /// <param name="labelWidth">How wide the label is.</param>
    public (double X, double Y) Place(double x, double y, double labelWidth)
    {
        var candidates = Distances.SelectMany(distance => Directions, (distance, direction) => Box(x, y, labelWidth, distance, direction)).ToList();
        var box = candidates.Where(IsInside).DefaultIfEmpty(candidates[0]).MinBy(Overlap);
        taken.Add(box);
        return (box.Left, (box.Top + box.Bottom) / 2);
    }

    private static (double Left, double Top, double Right, double Bottom) Box(
        double x, double y, double labelWidth, double distance, (double X, double Y) direction)
    {
        var left = direction.X switch { > 0 => x + distance, < 0 => x - distance - labelWidth, _ => x - (labelWidth / 2) };
        var middle = y + (direction.Y * (distance + 2));
        return (left, middle - (Height / 2), left + labelWidth, middle + (Height / 2));
    }

    private bool IsInside((double Left, double Top, double Right, double Bottom) box) =>
        box.Left >= 0 && box.Right <= width && box.Top >= top && box.Bottom <= bottom;

    // The first of equally good places wins, so that labels stay close.
    private double Overlap((double Left, double Top, double Right, double Bottom) box) => taken.Sum(other =>
        Math.Max(0, Math.Min(box.Right, other.Right) - Math.Max(box.Left, other.Left))
        * Math.Max(0, Math.Min(box.Bottom, other.Bottom) - Math.Max(box.Top, other.Top)));
}
