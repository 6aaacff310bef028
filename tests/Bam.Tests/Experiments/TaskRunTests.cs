using System.Text.Json;
using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Phases;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

/// <summary>Recipes with downstream tasks, from the prompts to the report.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class TaskRunTests : IClassFixture<FinishedRun>
{
    private const string Recipe = ToyRecipe.Yaml + ToyTasks.Yaml;

    private readonly FinishedRun finished;
    private readonly ToyRecipe toy;

    public TaskRunTests(FinishedRun finished)
    {
        (this.finished, toy) = (finished, finished.Recipe);
        ToyTasks.Write(toy.Directory);
    }

    [Fact]
    public void Tasks_are_measured_and_compared_and_nothing_is_trained_again()
    {
        var reporter = new RecordingReporter();

        var results = toy.Run(Recipe, FinishedRun.Name, reporter);

        reporter.Said.ShouldNotContain(
            line => line.Contains("] train ", StringComparison.Ordinal) && !line.EndsWith("kept", StringComparison.Ordinal));
        results.Tasks.ShouldBe(["choose", "finish"]);
        results.Key.ShouldNotBe(finished.Results.Key);
        foreach (var model in results.Models)
        {
            var tasks = model.Tasks.ShouldNotBeNull();
            tasks.ContainsKey("finish").ShouldBe(model.Name is "seed" or "btx" or "bam");
            var choose = tasks["choose"];
            var scores = ScoresOf("choose", "acc", model.Name);
            (choose.Items, choose.Chance, choose.FewShot).ShouldBe((ToyTasks.Items, 0.5, 0));
            choose.Metrics["acc"].Value.ShouldBe(scores.Average(), 1e-12);
            choose.Metrics["acc"].StandardError!.Value.ShouldBe(StandardError(scores), 1e-12);
            choose.Against.ShouldBe(model.Name == "btx" ? null : "btx");
            if (model.Name == "btx") choose.Metrics["acc"].Difference.ShouldBeNull();
            else ShouldBeThePairedDifference(choose, scores, ScoresOf("choose", "acc", "btx"));
        }

        results.Models[^1].Tasks!["finish"].Metrics["f1"].Difference!.Value
            .ShouldBe(ScoresOf("finish", "f1", "bam").Average() - ScoresOf("finish", "f1", "btx").Average(), 1e-12);
        results.Models[^1].Tasks!["finish"].Chance.ShouldBeNull();
        Results.Load(toy.Path(FinishedRun.Name)).Models[^1].Tasks!["choose"].Metrics["acc"]
            .ShouldBe(results.Models[^1].Tasks!["choose"].Metrics["acc"]);
        File.ReadAllText(toy.Path(FinishedRun.Name, "report.html")).ShouldContain("id='tasks'");
        File.ReadAllLines(toy.Path(FinishedRun.Name, "tasks.csv")).Length.ShouldBe(1 + 6 + 3);
        toy.Plan(Recipe, FinishedRun.Name).ShouldAllBe(phase => phase.State == PhaseState.Finished);
    }

    [Fact]
    public void An_interrupted_task_goes_on_behind_the_last_answer()
    {
        using var stop = new CancellationTokenSource();
        var stopper = new RecordingReporter
        {
            OnAdvance = progress =>
            {
                if (progress is { Activity: "task choose@law", Done: 5 }) stop.Cancel();
            },
        };
        Should.Throw<OperationCanceledException>(() => toy.Run(Recipe, "broken", stopper, stop.Token));
        toy.Plan(Recipe, "broken").Single(phase => phase.State == PhaseState.Interrupted).Reason
            .ShouldBe("was interrupted, goes on");
        var begun = new List<double>();

        var resumed = toy.Run(Recipe, "broken", new RecordingReporter
        {
            OnAdvance = progress =>
            {
                if (progress.Activity == "task choose@law") begun.Add(progress.Done);
            },
        });

        begun[0].ShouldBeInRange(5, ToyTasks.Items - 1);
        var whole = toy.Run(Recipe, FinishedRun.Name);
        resumed.Models.Select(model => model.Tasks!["choose"].Metrics["acc"])
            .ShouldBe(whole.Models.Select(model => model.Tasks!["choose"].Metrics["acc"]));
    }

    [Fact]
    public void A_choice_that_is_too_long_is_named_before_anything_is_trained()
    {
        using var other = new ToyRecipe();
        ToyTasks.Write(other.Directory);
        var longest = string.Concat(Enumerable.Repeat("zq ", 40));
        File.AppendAllText(
            other.Path("choose.jsonl"), $$"""{"text": "a", "first": "{{longest}}", "second": "b", "right": 0}""");

        var fault = Should.Throw<InvalidInputException>(() => other.Run(Recipe, "out")).Message;

        fault.ShouldStartWith($"task choose, {other.Path("choose.jsonl")}:{ToyTasks.Items + 1}: the continuation \" zq zq");
        fault.ShouldContain("expected 1 to 32 tokens (max_position_embeddings)");
        Directory.GetDirectories(other.Path("out", "phases"), "train-*").ShouldBeEmpty();
    }

    [Fact]
    public void A_missing_file_is_named_before_the_run_begins()
    {
        using var other = new ToyRecipe();
        ToyTasks.Write(other.Directory);
        File.Delete(other.Path("finish.csv"));

        Should.Throw<InvalidInputException>(() => other.Open(Recipe, "out")).Message.ShouldContain(
            $"key 'tasks.finish.file': {other.Path("finish.csv")}: does not exist; Bam reads local files only, and the data set "
            + "is published at here");
    }

    [Fact]
    public void A_smoke_run_has_tasks_of_the_same_names()
    {
        using var other = new ToyRecipe();
        File.WriteAllText(other.Path("recipe.yaml"), Recipe);

        var study = ExperimentRun.Open(other.Path("recipe.yaml"), other.Path("smoke"), isSmoke: true)
            .Run(null, SilentReporter.Instance, CancellationToken.None)[0];

        study.Units[0].Tasks.ShouldBe(["choose", "finish"]);
        study.Units[0].Models.Where(model => model.Tasks!.ContainsKey("finish")).Select(model => model.Name)
            .ShouldBe(["seed", "btx", "bam"]);
    }

    // What item-by-item differences and the exact test of McNemar give.
    private static void ShouldBeThePairedDifference(TaskScore task, List<double> scores, List<double> reference)
    {
        var difference = task.Metrics["acc"].Difference.ShouldNotBeNull();
        var differences = scores.Zip(reference, (ours, theirs) => ours - theirs).ToList();
        difference.Value.ShouldBe(differences.Average(), 1e-12);
        difference.StandardError!.Value.ShouldBe(StandardError(differences), 1e-12);
        var (better, worse) = (differences.Count(value => value > 0), differences.Count(value => value < 0));
        var tail = Enumerable.Range(0, Math.Min(better, worse) + 1).Sum(i => Choose(better + worse, i));
        difference.PValue!.Value.ShouldBe(Math.Min(1, 2 * tail / Math.Pow(2, better + worse)), 1e-9);
    }

    private static double StandardError(List<double> values) => Math.Sqrt(
        values.Sum(value => Math.Pow(value - values.Average(), 2)) / (values.Count - 1) / values.Count);

    private static double Choose(int n, int k) => k == 0 ? 1 : Choose(n - 1, k - 1) * n / k;

    private List<double> ScoresOf(string task, string metric, string model)
    {
        var file = Path.Combine(toy.Phase(FinishedRun.Name, $"task-{task}@{model}"), "items.jsonl");
        return [.. File.ReadLines(file).Select(line =>
        {
            using var item = JsonDocument.Parse(line);
            return item.RootElement.GetProperty("scores").GetProperty(metric).GetDouble();
        })];
    }
}
