using Bam.Experiments.Findings;
using Bam.Experiments.Phases;

namespace Bam.Experiments.Studies;

/// <summary>One metric of a downstream task: a row of the tables of tasks. Higher is better.</summary>
internal sealed record TaskMeasure(string Task, string Metric)
{
    /// <summary>All of a study, in the order of the recipe; none without tasks.</summary>
    public static IReadOnlyList<TaskMeasure> Of(Study study) => study.Units.Count == 0
        ? []
        : [.. study.Units[0].Tasks.SelectMany(task => study.Models
            .Select(model => model.Tasks?.GetValueOrDefault(task)).OfType<TaskScore>().Take(1)
            .SelectMany(score => score.Metrics.Keys).Select(metric => new TaskMeasure(task, metric)))];

    /// <summary>A model's figures on the task; null if it was not measured.</summary>
    public TaskScore? TaskOf(ModelResult model) => model.Tasks?.GetValueOrDefault(Task);

    /// <summary>A model's figure; null if it was not measured.</summary>
    public MetricScore? Of(ModelResult model) => TaskOf(model)?.Metrics.GetValueOrDefault(Metric);

    /// <summary>A model's figure in a study; null if a unit has none.</summary>
    public TaskEstimate? ValueOf(Study study, string model) =>
        Estimate(study, model, score => (score.Value, score.StandardError));

    /// <summary>
    /// How much better a model is than the one that it is compared with, on the same items; null if it is compared with none.
    /// </summary>
    public TaskEstimate? DifferenceOf(Study study, string model) => Estimate(
        study, model, score => score.Difference is { } difference ? (difference.Value, difference.StandardError) : null);

    /// <summary>The p-values of McNemar's test, one for each unit that has one.</summary>
    public IReadOnlyList<double> PValuesOf(Study study, string model) =>
        [.. ScoresOf(study, model).Select(score => score?.Difference?.PValue).OfType<double>()];

    private TaskEstimate? Estimate(Study study, string model, Func<MetricScore, (double Value, double? Error)?> select)
    {
        var figures = ScoresOf(study, model).Select(score => score is null ? null : select(score)).ToList();
        return figures.Count == 0 || figures.Exists(figure => figure is null)
            ? null
            : new(
                new Sample([.. figures.Select(figure => figure!.Value.Value)]),
                new Sample([.. figures.Select(figure => figure!.Value.Error ?? double.NaN)]));
    }

    private IEnumerable<MetricScore?> ScoresOf(Study study, string model) =>
        study.Units.Select(unit => Of(unit.Models.First(result => result.Name == model)));
}

/// <summary>A figure on a task, or a difference of two, with a value for each unit.</summary>
/// <param name="Values">The values, 0 … 1.</param>
/// <param name="ItemErrors">The standard errors over the items; NaN where one cannot be estimated.</param>
internal sealed record TaskEstimate(Sample Values, Sample ItemErrors)
{
    /// <summary>The mean over the units.</summary>
    public double Mean => Values.Mean;

    /// <summary>
    /// What tables print behind ±: with one unit the standard error over the items, else the standard deviation over the units.
    /// </summary>
    public double Spread => Values.Count == 1 ? ItemErrors.Mean : Values.StandardDeviation;

    /// <summary>
    /// Half the width of the 95 % interval; NaN if it cannot be estimated. Of several units it is the wider of that over the
    /// units and that over the items, which are the same ones in all units.
    /// </summary>
    public double HalfWidth => new[] { StudentT.Normal975 * ItemErrors.Mean, Values.HalfWidth }
        .Where(double.IsFinite).DefaultIfEmpty(double.NaN).Max();

    /// <summary>The interval's lower end.</summary>
    public double Low => Mean - HalfWidth;

    /// <summary>The interval's upper end.</summary>
    public double High => Mean + HalfWidth;

    /// <summary>True if the interval includes a value.</summary>
    public bool Includes(double value) => value >= Low && value <= High;
}
