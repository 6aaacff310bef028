using System.Globalization;
using System.Text;

namespace Bam.Experiments.Reporting;

/// <summary>One panel of loss curves, labelled at the lines' ends; values show on pointing, without a script.</summary>
internal sealed class LossPanel
{
    private const double Width = 380;
    private const double Height = 250;
    private const double Left = 34;
    private const double Top = 12;
    private const double Bottom = Height - 36;
    private const double LineHeight = 14;
    private const double CharacterWidth = 7.9;
    private const int LongestName = 16;
    private const int Probes = 40;

    private readonly string unit;
    private readonly IReadOnlyList<LossCurve> curves;
    private readonly double right;
    private readonly Axis x;
    private readonly Axis y;

    private LossPanel(string unit, IReadOnlyList<LossCurve> curves)
    {
        (this.unit, this.curves) = (unit, curves);
        right = Width - 8 - (curves.Max(curve => Math.Min(curve.Name.Length, LongestName)) * CharacterWidth);
        var losses = curves.SelectMany(curve => curve.Points.Select(point => point.Loss))
            .Concat(curves.SelectMany(curve => curve.Band).SelectMany(range => new[] { range.Low, range.High }))
            .ToList();
        x = Axis.Exact(0, curves.Max(curve => curve.Points[^1].X), Left, right, ticks: 4);
        y = Axis.Rounded(losses.Min(), losses.Max(), Bottom, Top, ticks: 5);
    }

    /// <summary>Appends the panel of at least one curve, each with a point, over "tokens" or "core-seconds".</summary>
    public static void Add(Html html, string title, string unit, IReadOnlyList<LossCurve> curves) =>
        new LossPanel(unit, curves).Draw(html, title);

    private void Draw(Html html, string title)
    {
        var scale = y.IsLogarithmic ? "logarithmic" : "linear";
        var longest = NumberText.Compact(curves.Max(curve => curve.Points[^1].X));
        var ends = curves.Select(curve => $"{curve.Name} ends at {NumberText.Fixed(curve.Points[^1].Loss, 3)}");
        html.Line($"<figure><figcaption>{title}{(y.IsLogarithmic ? ", logarithmic" : "")}</figcaption>")
            .Add($"<svg class='loss' viewBox='0 0 {Width} {Height}' role='img' ")
            .Add($"aria-label='Training loss, {title}, {scale} scale, up to {longest} {unit}: ")
            .Line($"{string.Join(", ", ends)}'>");
        DrawAxes(html);
        foreach (var curve in curves.Where(curve => curve.Band.Count > 0))
            html.Line($"<path class='band {curve.Color}' d='{BandOf(curve.Band)}'/>");
        foreach (var curve in curves)
        {
            html.Line($"<path class='line {curve.Color}' d='{PathOf(curve.Points)}'/>");
            if (curve.Points is [var only])
                html.Line($"<circle class='{curve.Color}' cx='{x[only.X]}' cy='{YOf(only.Loss)}' r='3'/>");
        }

        DrawLabels(html);
        for (var probe = 0; probe < Probes; probe++) DrawProbe(html, probe);
        html.Line($"</svg></figure>");
    }

    private void DrawAxes(Html html)
    {
        foreach (var tick in y.Ticks)
        {
            html.Add($"<line class='grid' x1='{Left}' x2='{right}' y1='{y[tick]}' y2='{y[tick]}'/>")
                .Line($"<text class='tick end' x='{Left - 5}' y='{y[tick] + 4}'>{tick}</text>");
        }

        html.Line($"<line class='axis' x1='{Left}' x2='{right}' y1='{Bottom}' y2='{Bottom}'/>");
        foreach (var tick in x.Ticks)
            html.Line($"<text class='tick middle' x='{x[tick]}' y='{Bottom + 16}'>{NumberText.Tick(tick)}</text>");
        html.Line($"<text class='tick middle' x='{(Left + right) / 2}' y='{Height - 4}'>{unit}</text>");
    }

    private void DrawLabels(Html html)
    {
        var labels = curves.Select(curve => (Curve: curve, Y: YOf(curve.Points[^1].Loss))).OrderBy(label => label.Y).ToArray();
        for (var i = 1; i < labels.Length; i++) labels[i].Y = Math.Max(labels[i].Y, labels[i - 1].Y + LineHeight);
        // What ran over the bottom moves up again, pushing its neighbours.
        var limit = Bottom;
        for (var i = labels.Length - 1; i >= 0; i--, limit -= LineHeight) labels[i].Y = Math.Min(labels[i].Y, limit);
        foreach (var (curve, labelY) in labels)
        {
            html.Add($"<text class='label {curve.Color}' x='{right + 6}' y='{labelY + 4}'><title>{curve.Name}</title>")
                .Line($"{NumberText.Shorten(curve.Name, LongestName)}</text>");
        }
    }

    private void DrawProbe(Html html, int probe)
    {
        var end = curves.Max(curve => curve.Points[^1].X);
        var at = end * (probe + 0.5) / Probes;
        var values = curves.Select(curve => (Curve: curve, Loss: curve.At(at))).Where(value => double.IsFinite(value.Loss))
            .OrderByDescending(value => value.Loss).ToList();
        if (values.Count == 0) return;
        var probeWidth = (right - Left) / Probes;
        var boxWidth = 16 + ((values.Max(value => Math.Min(value.Curve.Name.Length, LongestName)) + 6) * CharacterWidth);
        var boxX = x[at] + 8 + boxWidth < Width ? x[at] + 8 : x[at] - 8 - boxWidth;
        html.Add($"<g class='probe'><rect class='target' x='{x[at] - (probeWidth / 2)}' y='{Top}' ")
            .Add($"width='{probeWidth}' height='{Bottom - Top}'/>")
            .Add($"<g class='tip'><line x1='{x[at]}' x2='{x[at]}' y1='{Top}' y2='{Bottom}'/>");
        foreach (var (curve, loss) in values) html.Add($"<circle class='{curve.Color}' cx='{x[at]}' cy='{YOf(loss)}' r='3'/>");
        var boxHeight = 8 + ((values.Count + 1) * LineHeight);
        html.Add($"<rect class='box' x='{boxX}' y='{Top}' width='{boxWidth}' height='{boxHeight}' rx='3'/>")
            .Add($"<text class='tick' x='{boxX + 8}' y='{Top + LineHeight}'>{NumberText.Compact(at)} {unit}</text>");
        for (var i = 0; i < values.Count; i++)
        {
            var (curve, loss) = values[i];
            var lineY = Top + ((i + 2) * LineHeight);
            html.Add($"<text class='label {curve.Color}' x='{boxX + 8}' y='{lineY}'>")
                .Add($"{NumberText.Shorten(curve.Name, LongestName)}</text>")
                .Add($"<text class='tick end' x='{boxX + boxWidth - 8}' y='{lineY}'>{NumberText.Fixed(loss, 3)}</text>");
        }

        html.Line($"</g></g>");
    }

    private string PathOf(IReadOnlyList<LossPoint> points)
    {
        var path = new StringBuilder();
        foreach (var point in points)
        {
            path.Append(path.Length == 0 ? 'M' : 'L');
            path.Append(CultureInfo.InvariantCulture, $"{x[point.X]:0.#},{YOf(point.Loss):0.#}");
        }

        return path.ToString();
    }

    private string BandOf(IReadOnlyList<LossRange> band)
    {
        var upper = band.Select(range => new LossPoint(range.X, range.High));
        var lower = band.Reverse().Select(range => new LossPoint(range.X, range.Low));
        return PathOf([.. upper, .. lower]) + "Z";
    }

    private double YOf(double loss) => y[Math.Max(loss, 1e-9)];
}

/// <summary>One model's training loss: the mean of several runs, and the band from the lowest to the highest of them.</summary>
internal sealed class LossCurve
{
    /// <summary>
    /// Averages runs point by point, up to the length of the shortest; each run's points are means over equal parts of its
    /// training.
    /// </summary>
    public LossCurve(string name, string color, IReadOnlyList<IReadOnlyList<LossPoint>> runs)
    {
        (Name, Color) = (name, color);
        var (points, band) = (new List<LossPoint>(), new List<LossRange>());
        for (var i = 0; i < runs.Min(run => run.Count); i++)
        {
            var values = runs.Select(run => run[i]).ToList();
            if (!values.All(value => double.IsFinite(value.Loss))) continue;
            points.Add(new(values.Average(value => value.X), values.Average(value => value.Loss)));
            band.Add(new(points[^1].X, values.Min(value => value.Loss), values.Max(value => value.Loss)));
        }

        (Points, Band) = (points, runs.Count > 1 ? band : []);
    }

    /// <summary>The model's name.</summary>
    public string Name { get; }

    /// <summary>The style class that colours it.</summary>
    public string Color { get; }

    /// <summary>The mean over the runs.</summary>
    public IReadOnlyList<LossPoint> Points { get; }

    /// <summary>The lowest and the highest run at each point; empty for one run.</summary>
    public IReadOnlyList<LossRange> Band { get; }

    /// <summary>The loss there, by linear interpolation; NaN outside the run.</summary>
    public double At(double x)
    {
        for (var i = 0; i < Points.Count; i++)
        {
            if (Points[i].X < x) continue;
            if (i == 0) return Points[0].X == x ? Points[0].Loss : double.NaN;
            var (before, after) = (Points[i - 1], Points[i]);
            return before.Loss + ((after.Loss - before.Loss) * (x - before.X) / (after.X - before.X));
        }

        return double.NaN;
    }
}

/// <summary>
/// One point of a loss curve: the tokens or core-seconds so far, and the mean negative log-likelihood of the next token, in nats.
/// </summary>
internal readonly record struct LossPoint(double X, double Loss);

/// <summary>The lowest and the highest loss of several runs at one point of a <see cref="LossCurve"/>.</summary>
internal readonly record struct LossRange(double X, double Low, double High);
