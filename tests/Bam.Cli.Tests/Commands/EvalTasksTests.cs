using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

/// <summary>On golden models, with a tokenizer of the 95 printable letters.</summary>
public sealed class EvalTasksTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public EvalTasksTests() => Write("piqa.jsonl", """
        {"goal": "to cook", "sol1": "use a pot", "sol2": "use a hat", "label": 0}
        {"goal": "to sit", "sol1": "use a knife", "sol2": "use a chair", "label": 1}
        {"goal": "to read", "sol1": "use a book", "sol2": "use soap", "label": 0}
        """);

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void Tasks_and_models_make_a_table()
    {
        Write("nq.jsonl", """{"question": "who", "answer": ["he"]}""");

        var run = CommandLineRun.Of(
            "eval", "tasks", Model("dense-parallel"), Model("bam-expert-kv"),
            "--task", $"piqa={Path.Combine(root, "piqa.jsonl")}", $"nq_open={Path.Combine(root, "nq.jsonl")}",
            "--few-shot", "0", "--max-tokens", "5");

        run.ShouldBeDone();
        foreach (var text in new[] { "piqa", "acc_norm", "nq_open", "exact_match", "dense-parallel", "bam-expert-kv", "±" })
            run.Output.ShouldContain(text);
        run.Output.ShouldContain("*");
        run.Output.ShouldContain("difference from");
        run.Output.ShouldContain("(p 1.000)");
    }

    [Fact]
    public void Json_and_the_output_hold_every_figure()
    {
        var output = Path.Combine(root, "results");
        string[] request = ["eval", "tasks", Model("dense-parallel"), "--task", Piqa, "--few-shot", "1", "--output", output];

        var run = CommandLineRun.Of([.. request, "--json"]);

        run.ShouldBeDone();
        run.Output.ShouldBe(File.ReadAllText(Path.Combine(output, "results.json")));
        using var json = JsonDocument.Parse(run.Output);
        var task = json.RootElement.GetProperty("models")[0].GetProperty("tasks")[0];
        task.GetProperty("task").GetString().ShouldBe("piqa");
        task.GetProperty("few_shot").GetInt32().ShouldBe(1);
        task.GetProperty("items").GetInt32().ShouldBe(3);
        var acc = task.GetProperty("figures")[0];
        acc.GetProperty("metric").GetString().ShouldBe("acc");
        var items = File.ReadAllLines(Directory.GetFiles(output, "piqa.jsonl", SearchOption.AllDirectories).Single())
            .Select(line => JsonDocument.Parse(line).RootElement).ToList();
        items.Count.ShouldBe(3);
        items.Average(item => item.GetProperty("scores").GetProperty("acc").GetDouble())
            .ShouldBe(acc.GetProperty("value").GetDouble(), 1e-12);
        items[1].GetProperty("prompts")[0].GetString()!.ShouldEndWith("\n\nQuestion: to sit\nAnswer:");
        items[1].GetProperty("choices")[1].GetProperty("text").GetString().ShouldBe(" use a chair");
        items[1].GetProperty("choices")[1].GetProperty("log_likelihood").GetDouble().ShouldBeLessThan(0);

        CommandLineRun.Of(request).ShouldBeDone();  // everything is there already
    }

    [Fact]
    public void A_file_of_somebody_else_is_not_replaced_by_the_results()
    {
        Write("results.json", """{"mine": true}""");

        var run = CommandLineRun.Of("eval", "tasks", Model("dense-parallel"), "--task", Piqa, "--output", root + "/out");
        run.ShouldBeDone();
        File.Copy(Path.Combine(root, "results.json"), Path.Combine(root, "out", "results.json"), overwrite: true);
        run = CommandLineRun.Of("eval", "tasks", Model("dense-parallel"), "--task", Piqa, "--output", root + "/out");

        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            $"bam: {root}/out/results.json: expected a new file, or older results to replace, found one with other content; "
            + "choose another name\n");
        File.ReadAllText(Path.Combine(root, "out", "results.json")).ShouldBe("""{"mine": true}""");
    }

    [Fact]
    public void A_users_task_is_a_yaml_file()
    {
        Write("capitals.yaml", """
            published: here
            kind: generate
            prompt: "{country}:"
            answer: "{capital}"
            max_tokens: 3
            metrics: [{name: f1}, {name: exact_match}]
            """);
        Write("capitals.csv", "country,capital\nFrance,Paris\nPeru,Lima\n");

        var run = CommandLineRun.Of(
            "eval", "tasks", Model("dense-parallel"),
            "--task", $"{Path.Combine(root, "capitals.yaml")}={Path.Combine(root, "capitals.csv")}", "--limit", "1", "--json");

        run.ShouldBeDone();
        using var json = JsonDocument.Parse(run.Output);
        var task = json.RootElement.GetProperty("models")[0].GetProperty("tasks")[0];
        task.GetProperty("task").GetString().ShouldBe("capitals");
        task.GetProperty("items").GetInt32().ShouldBe(1);
        task.GetProperty("figures").EnumerateArray().Select(figure => figure.GetProperty("metric").GetString())
            .ShouldBe(["f1", "exact_match"]);
    }

    [Fact]
    public void Programs_are_run_only_when_asked()
    {
        Write("he.jsonl", """{"prompt": "def f(): pass", "test": "", "entry_point": "f"}""");

        var run = CommandLineRun.Of(
            "eval", "tasks", Model("dense-parallel"), "--task", $"humaneval={Path.Combine(root, "he.jsonl")}",
            "--max-tokens", "5");

        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            "bam: --task humaneval: expected --allow-code-execution, because it runs programs that the model writes, found none; "
            + "add it, or leave the task out\n");
    }

    [Fact]
    public void Options_without_an_effect_are_refused()
    {
        Write("he.jsonl", """{"prompt": "def f(): pass", "test": "", "entry_point": "f"}""");
        string[] request = ["eval", "tasks", Model("dense-parallel"), "--task", Piqa];

        var fixedExamples = CommandLineRun.Of(
            [.. request, $"humaneval={Path.Combine(root, "he.jsonl")}", "--few-shot", "1", "--allow-code-execution"]);
        fixedExamples.Status.ShouldBe(2);
        fixedExamples.Error.ShouldBe(
            "bam: --few-shot has no effect on humaneval: the task fixes its examples; leave the option or the task out\n");

        var nothingGenerated = CommandLineRun.Of([.. request, "--max-tokens", "5"]);
        nothingGenerated.Status.ShouldBe(2);
        nothingGenerated.Error.ShouldBe("bam: --max-tokens has no effect on tasks of multiple choice; leave it out\n");
    }

    [SkippableFact]
    public void Programs_are_run_in_the_sandbox()
    {
        // The program ends before what the model adds, a comment.
        Write("he.jsonl", """
            {"prompt": "def f(x):\n  return x + 1 #", "test": "def check(g): assert g(1) == 2", "entry_point": "f"}
            {"prompt": "def f(x):\n  return x + 2 #", "test": "def check(g): assert g(1) == 2", "entry_point": "f"}
            """);

        var run = CommandLineRun.Of(
            "eval", "tasks", Model("dense-parallel"), "--task", $"humaneval={Path.Combine(root, "he.jsonl")}",
            "--max-tokens", "5", "--allow-code-execution", "--json");

        Skip.If(run.Error.Contains("that it cannot be made here", StringComparison.Ordinal), run.Error);
        run.ShouldBeDone();
        using var json = JsonDocument.Parse(run.Output);
        var figure = json.RootElement.GetProperty("models")[0].GetProperty("tasks")[0].GetProperty("figures")[0];
        figure.GetProperty("metric").GetString().ShouldBe("pass@1,create_test");
        figure.GetProperty("value").GetDouble().ShouldBe(0.5);
    }

    [Theory]
    [InlineData("piqa", "--task: expected NAME=FILE, NAME=FILE,EXAMPLES or NAME=FOLDER, found piqa; known names are arc_ch")]
    [InlineData("piqa=", "--task: expected NAME=FILE")]
    [InlineData("piqa=a,b,c", "--task: expected NAME=FILE")]
    [InlineData("pika=a", "--task pika: expected one of arc_challenge,")]
    [InlineData("gsm8k=/nowhere/test.jsonl", "/nowhere/test.jsonl: does not exist; Bam reads local files only")]
    public void A_wrong_task_is_refused(string task, string message)
    {
        var run = CommandLineRun.Of("eval", "tasks", Model("dense-parallel"), "--task", task);

        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith($"bam: {message}");
        run.Error.Count(letter => letter == '\n').ShouldBe(1);
    }

    [Theory]
    [InlineData("--few-shot", "-1", "bam: --few-shot: expected at least 0, found -1")]
    [InlineData("--limit", "0", "bam: --limit: expected at least 1, found 0")]
    [InlineData("--max-tokens", "0", "bam: --max-tokens: expected at least 1, found 0")]
    public void Options_have_ranges(string option, string value, string message)
    {
        var run = CommandLineRun.Of("eval", "tasks", Model("dense-parallel"), "--task", Piqa, option, value);

        run.Status.ShouldBe(2);
        run.Error.ShouldStartWith(message);
    }

    [Fact]
    public void A_model_that_is_too_short_for_the_answer_is_refused_before_it_is_loaded()
    {
        Write("nq.jsonl", """{"question": "who", "answer": ["he"]}""");

        var run = CommandLineRun.Of(
            "eval", "tasks", Model("dense-parallel"), "--task", $"nq_open={Path.Combine(root, "nq.jsonl")}");

        run.Status.ShouldBe(2);
        run.Error.ShouldContain("nq_open, max_tokens: expected fewer than the 128 positions of");
        run.Error.ShouldEndWith("found 256; give fewer with --max-tokens\n");
    }

    [Fact]
    public void Two_of_a_kind_are_refused()
    {
        CommandLineRun.Of("eval", "tasks", Model("dense-parallel"), Model("dense-parallel"), "--task", Piqa).Status.ShouldBe(2);
        CommandLineRun.Of("eval", "tasks", Model("dense-parallel"), "--task", Piqa, Piqa).Error
            .ShouldBe("bam: --task: expected different names, found piqa twice; leave one out\n");
    }

    private string Piqa => $"piqa={Path.Combine(root, "piqa.jsonl")}";

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(root, name), text);

    private string Model(string fixture)
    {
        var directory = Path.Combine(root, fixture);
        if (Directory.Exists(directory)) return directory;
        Directory.CreateDirectory(directory);
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(RepositoryRoot.PathOf("tests", "fixtures", "bam", fixture, file), Path.Combine(directory, file));
        LetterTokenizer.Write(directory);
        return directory;
    }
}
