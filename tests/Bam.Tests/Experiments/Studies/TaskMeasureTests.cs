using System.Text.Json;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public sealed class TaskMeasureTests : IDisposable
{
    private static readonly TaskMeasure Accuracy = new("choose", "acc");

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Each_metric_of_each_task_is_a_row() =>
        TaskMeasure.Of(TaskStudy.Of((0.3, 0.28))).ShouldBe([Accuracy, new("finish", "f1,words")]);

    [Fact]
    public void Studies_without_tasks_have_none()
    {
        TaskMeasure.Of(SmallStudy.Of((9, 10))).ShouldBeEmpty();
        TaskMeasure.Of(SmallStudy.Of()).ShouldBeEmpty();
    }

    [Fact]
    public void One_unit_has_the_interval_over_the_items()
    {
        var study = TaskStudy.Of((0.3, 0.28));

        var value = Accuracy.ValueOf(study, "a")!;
        var difference = Accuracy.DifferenceOf(study, "a")!;

        (value.Mean, value.Spread).ShouldBe((0.3, TaskStudy.Error));
        value.HalfWidth.ShouldBe(1.959964 * 0.02, 1e-9);
        difference.Mean.ShouldBe(0.02, 1e-12);
        difference.Low.ShouldBe(0.02 - (1.959964 * 0.01), 1e-9);
        difference.Includes(0).ShouldBeFalse();
        Accuracy.DifferenceOf(study, "b").ShouldBeNull();
        Accuracy.PValuesOf(study, "a").ShouldBe([0.04]);
    }

    [Fact]
    public void Several_units_have_the_wider_of_the_intervals_over_units_and_items()
    {
        // Differences 0.02 and 0.06: mean 0.04, deviation 0.0283, t with one degree of freedom 12.706.
        var apart = Accuracy.DifferenceOf(TaskStudy.Of((0.30, 0.28), (0.34, 0.28)), "a")!;
        var alike = Accuracy.DifferenceOf(TaskStudy.Of((0.30, 0.28), (0.30, 0.28)), "a")!;

        apart.Mean.ShouldBe(0.04, 1e-12);
        apart.Spread.ShouldBe(0.02 * Math.Sqrt(2), 1e-12);
        apart.HalfWidth.ShouldBe(12.706 * 0.02, 1e-9);
        alike.HalfWidth.ShouldBe(1.959964 * TaskStudy.DifferenceError, 1e-9);
    }

    [Fact]
    public void What_has_no_standard_error_has_no_interval()
    {
        var figure = new TaskMeasure("finish", "f1,words").ValueOf(TaskStudy.Of((0.3, 0.28)), "b")!;

        figure.Mean.ShouldBe(0.125);
        double.IsNaN(figure.HalfWidth).ShouldBeTrue();
        figure.Includes(0.125).ShouldBeFalse();
        new TaskMeasure("finish", "f1,words").ValueOf(TaskStudy.Of((0.3, 0.28)), "a").ShouldBeNull();
    }

    [Fact]
    public void Csv_has_a_line_for_each_unit_task_metric_and_model()
    {
        TaskFiles.WriteCsv(TaskStudy.Of((0.5, 0.25), (0.25, 0.25)), directory["tasks.csv"]);

        File.ReadAllText(directory["tasks.csv"]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries).ShouldBe(
        [
            "study,seed,task,metric,model,kind,few_shot,items,chance,value,standard_error,against,difference,"
                + "difference_standard_error,p_value",
            "small,1,choose,acc,a,bam,0,400,0.25,0.5,0.02,b,0.25,0.01,0.04",
            "small,1,choose,acc,b,btx,0,400,0.25,0.25,0.02,,,,",
            "small,1,finish,\"f1,words\",b,btx,2,400,,0.125,,,,,",
            "small,2,choose,acc,a,bam,0,400,0.25,0.25,0.02,b,0,0.01,0.04",
            "small,2,choose,acc,b,btx,0,400,0.25,0.25,0.02,,,,",
            "small,2,finish,\"f1,words\",b,btx,2,400,,0.125,,,,,",
        ]);
        TaskFiles.IsCsv(directory["tasks.csv"]).ShouldBeTrue();
    }

    [Fact]
    public void Without_tasks_there_is_no_csv()
    {
        TaskFiles.WriteCsv(SmallStudy.Of((9, 10)), directory["tasks.csv"]);

        File.Exists(directory["tasks.csv"]).ShouldBeFalse();
    }

    [Fact]
    public void The_csv_of_tasks_that_were_removed_is_removed_and_no_other_file()
    {
        TaskFiles.WriteCsv(TaskStudy.Of((0.5, 0.25)), directory["tasks.csv"]);
        File.WriteAllText(directory["other.csv"], "a,b\n");

        TaskFiles.WriteCsv(SmallStudy.Of((9, 10)), directory["tasks.csv"]);
        TaskFiles.WriteCsv(SmallStudy.Of((9, 10)), directory["other.csv"]);

        File.Exists(directory["tasks.csv"]).ShouldBeFalse();
        File.Exists(directory["other.csv"]).ShouldBeTrue();
    }

    [Fact]
    public void Json_has_the_means_and_the_differences()
    {
        StudyFigures.WriteJson(TaskStudy.Of((0.5, 0.25), (0.25, 0.25)), directory["small.json"]);

        using var json = JsonDocument.Parse(File.ReadAllText(directory["small.json"]));
        var task = json.RootElement.GetProperty("tasks")[0];
        (task.GetProperty("task").GetString(), task.GetProperty("chance").GetDouble()).ShouldBe(("choose", 0.25));
        var model = task.GetProperty("models")[0];
        model.GetProperty("value").GetProperty("mean").GetDouble().ShouldBe(0.375);
        model.GetProperty("difference").GetProperty("values").EnumerateArray().Select(value => value.GetDouble())
            .ShouldBe([0.25, 0]);
        model.GetProperty("p_values").GetArrayLength().ShouldBe(2);
        task.GetProperty("models")[1].GetProperty("difference").ValueKind.ShouldBe(JsonValueKind.Null);
    }
}
