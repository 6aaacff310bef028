using Bam.Experiments.Findings;
using Bam.Experiments.Studies;

namespace Bam.Experiments.Reporting;

/// <summary>Perplexity against training cost.</summary>
internal static class CostScatter
{
    /// <summary>Appends the section, if two models or more were trained beside the seed and the specialised ones.</summary>
    public static void Add(Html html, Study study)
    {
        var models = ModelGroups.Compared(study.MeanModels).Where(model => double.IsFinite(model.MeanPerplexity)).ToList();
        if (models.Count < 2) return;
        var colors = CurveColor.OfAll(models);
        html.Line($"<section id='cost-perplexity'>")
            .Line($"<h2>Cost and perplexity</h2>")
            .Add($"<p>Mean perplexity by the cost of the model’s own training: left is cheaper, down is better.")
            .Add($"{(study.Units.Count > 1 ? " Bars show ± one standard deviation over the seeds." : "")}")
            .Line($" Mixtures that were not trained are not shown.</p>")
            .Line($"<div class='panels'>");
        ScatterPanel.Add(html, "Core-seconds", "core-seconds", Points(study, models, colors, model => model.CoreSeconds));
        ScatterPanel.Add(html, "FLOPs", "FLOPs", Points(study, models, colors, model => model.Flops));
        html.Line($"</div>").Line($"</section>");
    }

    private static List<ScatterPoint> Points(
        Study study,
        IReadOnlyList<ModelResult> models,
        IReadOnlyDictionary<string, string> colors,
        Func<ModelResult, double> cost) =>
        [.. models.Select(model => new ScatterPoint(
            model.Name, colors[model.Name], study.Of(model.Name, cost), study.Of(model.Name, result => result.MeanPerplexity)))];
}

/// <summary>One panel of models by a cost and their perplexity, labelled directly, with the spread over several runs.</summary>
internal sealed class ScatterPanel
{
    private const double Width = 400;
    private const double Height = 300;
    private const double Left = 38;
    private const double Right = Width - 10;
    private const double Top = 12;
    private const double Bottom = Height - 36;
    private const double CharacterWidth = 7.5;
    private const double Radius = 4;
    private const double LongestUnled = 14;
    private const int LongestName = 22;

    private readonly IReadOnlyList<ScatterPoint> points;
    private readonly Axis x;
    private readonly Axis y;

    private ScatterPanel(IReadOnlyList<ScatterPoint> points)
    {
        this.points = points;
        var xs = points.Select(point => point.X.Mean).ToList();
        var ys = points.SelectMany(point => new[] { Below(point), Above(point) }).ToList();
        // Room at the sides for the outermost labels.
        var room = Math.Max((xs.Max() - xs.Min()) * 0.12, xs.Max() * 0.02);
        x = Axis.Exact(Math.Max(0, xs.Min() - room), xs.Max() + room, Left, Right, ticks: 4);
        y = Axis.Rounded(ys.Min(), ys.Max(), Bottom, Top, ticks: 5);
    }

    /// <summary>Appends the panel of at least one model with finite figures.</summary>
    public static void Add(Html html, string title, string unit, IReadOnlyList<ScatterPoint> points) =>
        new ScatterPanel(points).Draw(html, title, unit);

    private static double Spread(ScatterPoint point) => point.Y.Count > 1 ? point.Y.StandardDeviation : 0;

    private static double Below(ScatterPoint point) => point.Y.Mean - Spread(point);

    private static double Above(ScatterPoint point) => point.Y.Mean + Spread(point);

    private void Draw(Html html, string title, string unit)
    {
        var figures = points
            .Select(point => $"{point.Name} {NumberText.Fixed(point.Y.Mean, 2)} at {NumberText.Compact(point.X.Mean)}");
        var description = $"Mean perplexity by {unit}: {string.Join(", ", figures)}";
        html.Line($"<figure><figcaption>{title}</figcaption>")
            .Line($"<svg class='scatter' viewBox='0 0 {Width} {Height}' role='img' aria-label='{description}'>");
        DrawAxes(html, unit);
        var placer = new LabelPlacer(Width, Top, Bottom);
        foreach (var point in points)
        {
            var (px, py) = (x[point.X.Mean], y[point.Y.Mean]);
            placer.Avoid(px - Radius - 1, py - Radius - 1, px + Radius + 1, py + Radius + 1);
            placer.Avoid(px - 1, y[Above(point)], px + 1, y[Below(point)]);
        }

        foreach (var point in points) DrawPoint(html, point);
        foreach (var point in points) DrawLabel(html, point, placer);
        html.Line($"</svg></figure>");
    }

    private void DrawAxes(Html html, string unit)
    {
        foreach (var tick in y.Ticks)
        {
            html.Add($"<line class='grid' x1='{Left}' x2='{Right}' y1='{y[tick]}' y2='{y[tick]}'/>")
                .Line($"<text class='tick end' x='{Left - 5}' y='{y[tick] + 4}'>{tick}</text>");
        }

        html.Line($"<line class='axis' x1='{Left}' x2='{Right}' y1='{Bottom}' y2='{Bottom}'/>");
        foreach (var tick in x.Ticks)
            html.Line($"<text class='tick middle' x='{x[tick]}' y='{Bottom + 16}'>{NumberText.Tick(tick)}</text>");
        html.Line($"<text class='tick middle' x='{(Left + Right) / 2}' y='{Height - 4}'>{unit}</text>");
    }

    private void DrawPoint(Html html, ScatterPoint point)
    {
        var px = x[point.X.Mean];
        html.Add($"<g><title>{point.Name}: perplexity {NumberText.Fixed(point.Y.Mean, 2)}, ")
            .Add($"cost {NumberText.Compact(point.X.Mean)}</title>");
        if (Spread(point) > 0)
        {
            var (upper, lower) = (y[Above(point)], y[Below(point)]);
            html.Add($"<path class='error {point.Color}' d='M{px - 3},{upper}h6M{px},{upper}V{lower}M{px - 3},{lower}h6'/>");
        }

        html.Line($"<circle class='point {point.Color}' cx='{px}' cy='{y[point.Y.Mean]}' r='{Radius}'/></g>");
    }

    private void DrawLabel(Html html, ScatterPoint point, LabelPlacer placer)
    {
        var name = NumberText.Shorten(point.Name, LongestName);
        var (px, py) = (x[point.X.Mean], y[point.Y.Mean]);
        var width = name.Length * CharacterWidth;
        var (labelX, labelY) = placer.Place(px, py, width);
        var nearestX = Math.Clamp(px, labelX, labelX + width);
        if (Math.Abs(nearestX - px) + Math.Abs(labelY - py) > LongestUnled + 4)
            html.Add($"<line class='leader' x1='{px}' y1='{py}' x2='{nearestX}' y2='{labelY}'/>");
        html.Line($"<text class='label {point.Color}' x='{labelX}' y='{labelY + 4}'>{name}</text>");
    }
}

/// <summary>
/// One point of a <see cref="ScatterPanel"/>, with the style class that colours it; X are its costs and Y its perplexities, a
/// value for each run.
/// </summary>
internal sealed record ScatterPoint(string Name, string Color, Sample X, Sample Y);

/// <summary>
/// Finds places for labels beside points, inside the figure, where they cover neither each other nor what is drawn.
/// </summary>
internal sealed class LabelPlacer(double width, double top, double bottom)
{
    private const double Height = 13;

    // Right, left, above, below, then the corners.
    private static readonly (double X, double Y)[] Directions =
        [(1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (-1, -1), (1, 1), (-1, 1)];
    private static readonly double[] Distances = [9, 16, 26, 38, 52, 70];

    private readonly List<(double Left, double Top, double Right, double Bottom)> taken = [];

    /// <summary>Keeps labels away from a drawn rectangle.</summary>
    public void Avoid(double left, double upper, double right, double lower) => taken.Add((left, upper, right, lower));

    /// <summary>The middle of the left edge of a label near a point; the place is taken from then on.</summary>
    public (double X, double Y) Place(double x, double y, double labelWidth)
    {
        var candidates = Distances
            .SelectMany(distance => Directions, (distance, direction) => Box(x, y, labelWidth, distance, direction))
            .ToList();
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
