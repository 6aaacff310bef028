using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Running;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

public sealed class TaskRunnerTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();
    private readonly Answers model = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Choices_are_scored_and_averaged()
    {
        var task = Piqa(4, right: 0);
        model.LogLikelihood = request => request.Continuation == " a0" ? -5 : request.Continuation[1] == 'a' ? -1 : -2;

        var result = Run(task);

        result.Items.ShouldBe(4);
        result.Figures[0].ShouldBe(new TaskFigure("acc", 0.75, 0.25, 4));  // the first item's first choice is the less likely one
        result.Subsets.ShouldBeNull();
    }

    [Fact]
    public void Finished_items_are_not_asked_again()
    {
        var task = Piqa(4, right: 0);
        model.StopAfter = 5;
        Should.Throw<OperationCanceledException>(() => RunLogged(task));
        File.Exists(directory["piqa.jsonl"]).ShouldBeFalse();
        File.ReadAllLines(directory["piqa.partial.jsonl"]).Length.ShouldBe(2);
        // A kill may cut a line.
        File.AppendAllText(directory["piqa.partial.jsonl"], "{\"key\": \"12");
        (model.StopAfter, model.Asked) = (int.MaxValue, 0);

        var result = RunLogged(task);

        model.Asked.ShouldBe(4);
        result.Figures.ShouldBe(Run(task).Figures);
        File.Exists(directory["piqa.partial.jsonl"]).ShouldBeFalse();
        File.ReadAllLines(directory["piqa.jsonl"]).Length.ShouldBe(4);
        model.Asked = 0;
        RunLogged(task).Figures.ShouldBe(result.Figures);
        model.Asked.ShouldBe(0);
    }

    [Fact]
    public void Another_model_is_asked_again()
    {
        var task = Piqa(4, right: 0);
        RunLogged(task);
        model.Asked = 0;

        RunLogged(task, "another model");

        model.Asked.ShouldBe(8);
    }

    [Fact]
    public void A_file_of_another_kind_is_not_replaced()
    {
        File.WriteAllText(directory["piqa.jsonl"], "my notes\n");

        Should.Throw<InvalidInputException>(() => RunLogged(Piqa(4, right: 0))).Message
            .ShouldStartWith($"{directory["piqa.jsonl"]}:1: not JSON");
        File.ReadAllText(directory["piqa.jsonl"]).ShouldBe("my notes\n");
    }

    [Fact]
    public void Every_filter_gives_a_figure()
    {
        var task = Load("gsm8k", """
            {"question": "1", "answer": "#### 3"}
            {"question": "2", "answer": "#### 4"}
            """, new(FewShot: 0));
        model.Text = request => request.Prompt.Contains('1') ? " #### 3" : " It is 4";

        var figures = Run(task).Figures;

        figures.Select(figure => (figure.Metric, figure.Value))
            .ShouldBe([("exact_match,strict-match", 0.5), ("exact_match,flexible-extract", 1)]);
        model.Requests[0].Until.ShouldBe(["Question:", "</s>", "<|im_end|>"]);
        model.Requests[0].MaxTokens.ShouldBe(256);
    }

    [Fact]
    public void Programs_are_run_with_their_tests()
    {
        var task = Load("humaneval", """
            {"prompt": "def f():\n", "test": "def check(g): assert g() == 1", "entry_point": "f"}
            {"prompt": "def h():\n", "test": "def check(g): assert g() == 1", "entry_point": "h"}
            """);
        model.Text = request => request.Prompt.Contains('f') ? "  return 1" : "";
        using var programs = new Programs();

        var result = new TaskRunner(task, model, "model", programs, log: null).Run("test", SilentReporter.Instance, default);

        result.Figures.Single().Metric.ShouldBe("pass@1,create_test");
        programs.Run("def h():\n  return 1\ndef check(g): assert g() == 1\ncheck(h)", default).ShouldBeNull();
        programs.Seen.ShouldContain("def f():\n  return 1\ndef check(g): assert g() == 1\ncheck(f)");
    }

    [Fact]
    public void Subsets_have_figures_of_their_own()
    {
        const string choices = "\"choices\": [\"w\", \"x\", \"y\", \"z\"]";
        var task = Load("mmlu", $$"""
            {"question": "q1", {{choices}}, "answer": 0, "subject": "law"}
            {"question": "q2", {{choices}}, "answer": 1, "subject": "law"}
            {"question": "q3", {{choices}}, "answer": 0, "subject": "logic"}
            {"question": "q4", {{choices}}, "answer": 0, "subject": "logic"}
            """);
        model.LogLikelihood = request => request.Continuation == " A" ? -1 : -2;

        var result = Run(task);

        result.Figures.Single().Value.ShouldBe(0.75);
        result.Subsets!["law"].Single().ShouldBe(new TaskFigure("acc", 0.5, 0.5, 2));
        result.Subsets["logic"].Single().ShouldBe(new TaskFigure("acc", 1, 0, 2));
    }

    private LoadedTask Piqa(int count, int right) => Load("piqa", string.Join('\n', Enumerable.Range(0, count).Select(i =>
        $$"""{"goal": "g{{i}}", "sol1": "a{{i}}", "sol2": "b{{i}}", "label": {{right}}}""")));

    private LoadedTask Load(string name, string rows, TaskOptions? options = null)
    {
        File.WriteAllText(directory["items.jsonl"], rows);
        return TaskLibrary.Load(name, new(directory["items.jsonl"], null), options ?? new());
    }

    private TaskResult Run(LoadedTask task) =>
        new TaskRunner(task, model, "model", programs: null, log: null)
            .Run("test", SilentReporter.Instance, CancellationToken.None);

    private TaskResult RunLogged(LoadedTask task, string identity = "model")
    {
        using var log = ItemLog.Open(directory.Root, task.Name);
        return new TaskRunner(task, model, identity, programs: null, log)
            .Run("test", SilentReporter.Instance, CancellationToken.None);
    }

    private sealed class Answers : ITaskModel
    {
        public Func<ContinuationRequest, double> LogLikelihood { get; set; } = request => -request.Continuation.Length;

        public Func<ContinueRequest, string> Text { get; set; } = _ => "";

        public int StopAfter { get; set; } = int.MaxValue;

        public int Asked { get; set; }

        public IReadOnlyList<ContinueRequest> Requests { get; private set; } = [];

        public void Score(
            IReadOnlyList<ContinuationRequest> requests, Action<int, ContinuationScore> answered, CancellationToken cancellation)
        {
            for (var i = 0; i < requests.Count; i++)
            {
                if (Asked++ == StopAfter) throw new OperationCanceledException();
                answered(i, new(LogLikelihood(requests[i]), IsGreedy: false));
            }
        }

        public void Generate(
            IReadOnlyList<ContinueRequest> requests, Action<int, string> answered, CancellationToken cancellation)
        {
            Requests = requests;
            for (var i = 0; i < requests.Count; i++) answered(i, Text(requests[i]));
        }
    }

    private sealed class Programs : IProgramRunner
    {
        public List<string> Seen { get; } = [];

        public string? Run(string program, CancellationToken cancellation)
        {
            Seen.Add(program);
            return program.Contains("return 1", StringComparison.Ordinal) ? null : "AssertionError";
        }

        public void Dispose() { }
    }
}
