namespace Bam.Experiments.Reporting;

/// <summary>One model's training loss: the mean of several runs, and the band from the lowest to the highest of them.</summary>
internal sealed class LossCurve
{
    /// <summary>Averages runs point by point; what one run has more of than the others is left out.</summary>
    /// <param name="name">The model's name.</param>
    /// <param name="color">The style class that colours it.</param>
    /// <param name="runs">Each run's points are means over equal parts of its training.</param>
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

/// <summary>One point of a loss curve.</summary>
/// <param name="X">Where the training is: the tokens seen, or the core-seconds spent.</param>
/// <param name="Loss">Mean negative log-likelihood of the next token, in nats.</param>
internal readonly record struct LossPoint(double X, double Loss);

/// <summary>How far several runs lie apart at one point of a <see cref="LossCurve"/>.</summary>
/// <param name="X">Where the training is.</param>
/// <param name="Low">The lowest loss of them.</param>
/// <param name="High">The highest.</param>
internal readonly record struct LossRange(double X, double Low, double High);
