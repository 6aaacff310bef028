using Bam.Evaluation.Tasks.Files;
using Bam.Evaluation.Tasks.Prompting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

/// <summary>The texts are those that lm-evaluation-harness 0.4.13 builds from its definitions.</summary>
public sealed class TaskPromptsTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void All_tasks_can_be_read() =>
        TaskLibrary.Names.Select(TaskLibrary.Load).Select(task => task.Metrics.Count).ShouldAllBe(count => count > 0);

    [Fact]
    public void Arc_has_the_choices_of_both_forms_of_its_files()
    {
        const string row = """
            {"question": "Why?", "choices": {"text": ["sun", "moon"], "label": ["1", "2"]}, "answerKey": "2"}
            {"question": {"stem": "Who?", "choices": [{"text": "he", "label": "A"}, {"text": "I", "label":"B"}]}, "answerKey":"A"}
            """;

        var items = Build("arc_easy", row);

        items[0].Contexts.ShouldBe(["Question: Why?\nAnswer:"]);
        items[0].Continuations.ShouldBe([" sun", " moon"]);
        items[0].Gold.ShouldBe(1);
        items[1].Contexts.ShouldBe(["Question: Who?\nAnswer:"]);
        items[1].Continuations.ShouldBe([" he", " I"]);
        items[1].Gold.ShouldBe(0);
    }

    [Fact]
    public void Winogrande_scores_the_rest_of_the_sentence_after_each_option()
    {
        const string row = """{"sentence": "The _ was big_.", "option1": "cup", "option2": "pot", "answer": "2"}""";
        var other = row.Replace("cup", "hat").Replace("pot", "cap");

        var item = Build("winogrande", row, new(FewShot: 1), $"{other}\n{other}").Single();

        item.Contexts.ShouldBe(["The cap was big_.\n\nThe cup", "The cap was big_.\n\nThe pot"]);
        item.Continuations.ShouldBe([" was big_.", " was big_."]);
        item.Gold.ShouldBe(1);
    }

    [Fact]
    public void Social_iqa_counts_its_labels_from_one()
    {
        var item = Build("social_iqa", """
            {"context": "C.", "question": "q?", "answerA": "a", "answerB": "b", "answerC": "c", "label": "3"}
            """).Single();

        item.Contexts.ShouldBe(["Q: C. q?\nA:"]);
        item.Gold.ShouldBe(2);
    }

    [Fact]
    public void Mmlu_names_the_subject_and_shows_the_first_examples()
    {
        const string head = "question,choice0,choice1,choice2,choice3,answer\n";
        File.WriteAllText(directory["us_law_test.csv"], head + " Why? ,w,x,y,z,2\n");
        File.WriteAllText(directory["us_law_dev.csv"], "first,a,b,c,d,B\nsecond,a,b,c,d,C\n");
        Directory.CreateDirectory(directory["test"]);
        File.Move(directory["us_law_test.csv"], directory["test/us_law_test.csv"]);

        var task = TaskLibrary.Load(
            "mmlu", new(directory["test/us_law_test.csv"], directory["us_law_dev.csv"]), new(FewShot: 1));

        var item = task.Subsets.Single().Items.Single();
        item.Contexts.ShouldBe([
            "The following are multiple choice questions (with answers) about us law.\n\n"
            + "first\nA. a\nB. b\nC. c\nD. d\nAnswer: B\n\nWhy?\nA. w\nB. x\nC. y\nD. z\nAnswer:",
        ]);
        item.Continuations.ShouldBe([" A", " B", " C", " D"]);
        item.Gold.ShouldBe(2);
    }

    [Fact]
    public void Gsm8k_draws_other_examples_for_each_item()
    {
        var examples = string.Join(
            '\n', Enumerable.Range(0, 100).Select(i => $$"""{"question": "q{{i}}", "answer": "a{{i}}"}"""));

        var items = Build("gsm8k", """
            {"question": "first", "answer": "x\n#### 1"}
            {"question": "second", "answer": "y"}
            """, null, examples);

        // What random.Random(1234) draws of 100 twice: see PythonRandomTests.
        items[0].Contexts.ShouldBe([Shots(99, 56, 14, 0, 11) + "Question: first\nAnswer:"]);
        items[1].Contexts.ShouldBe([Shots(74, 4, 85, 88, 10) + "Question: second\nAnswer:"]);
        items[0].Answers.ShouldBe(["x\n#### 1"]);

        static string Shots(params int[] numbers) => string.Concat(numbers.Select(i => $"Question: q{i}\nAnswer: a{i}\n\n"));
    }

    [Fact]
    public void Nq_open_has_several_answers_of_which_an_example_shows_the_first()
    {
        const string row = """{"question": "who", "answer": ["he", "him"]}""";

        var item = Build("nq_open", row, new(FewShot: 1), row.Replace("who", "what") + "\n" + row).Single();

        item.Contexts.ShouldBe(["Answer these questions:\n\nQ: what?\nA: he\nQ: who?\nA:"]);  // itself is left out
        item.Answers.ShouldBe(["he", "him"]);
    }

    [Fact]
    public void Hendrycks_math_takes_the_answer_out_of_the_box()
    {
        var item = Build("hendrycks_math", """{"problem": "p", "solution": "so $\\boxed{\\frac12}$"}""").Single();

        item.Contexts.ShouldBe(["Problem: p\nAnswer:"]);
        item.Answers.ShouldBe(["\\frac12"]);
        Should.Throw<InvalidInputException>(() => Build("hendrycks_math", """{"problem": "p", "solution": "none"}""")).Message
            .ShouldContain("field \"solution\": expected what 'solution|boxed' looks for");
    }

    [Fact]
    public void Minerva_math_shows_the_first_four_examples_of_its_file()
    {
        var examples = string.Join('\n', Enumerable.Range(1, 5).Select(i =>
            $$$"""{"problem": "q{{{i}}}", "solution": "so $\\boxed{{{{i}}}}$. The final answer is ${{{i}}}$."}"""));
        const string row = """{"problem": "p", "solution": "so $\\boxed{12 \\text{ cm}}$"}""";

        var item = Build("minerva_math", row, null, examples).Single();

        item.Answers.ShouldBe(["12"]);
        item.Contexts.Single().ShouldBe(string.Concat(Enumerable.Range(1, 4).Select(i =>
            $"Problem:\nq{i}\n\nSolution: so $\\boxed{{{i}}}$. The final answer is ${i}$.\n\n")) + "Problem:\np\n\nSolution:");
    }

    [Fact]
    public void Mbpp_shows_three_solved_problems()
    {
        var rows = string.Join('\n', new[] { 2, 3, 4, 11 }.Select(id =>
            $$"""{"task_id": {{id}}, "text": "t{{id}}", "code": "c{{id}}", "test_list": ["x", "y", "z"]}"""));

        var item = Build("mbpp", rows).Single();

        const string tests = " Your code should pass these tests:\n\nx\ny\nz\n[BEGIN]\n";
        item.Contexts.Single().ShouldBe(string.Concat(new[] { 2, 3, 4 }.Select(id =>
                $"You are an expert Python programmer, and here is your task: t{id}{tests}c{id}\n[DONE]\n\n"))
            + $"You are an expert Python programmer, and here is your task: t11{tests}");
        item.Answers.ShouldBe(["x\ny\nz"]);
    }

    [Fact]
    public void Humaneval_has_no_examples_whatever_is_asked_for()
    {
        const string row = """{"prompt": "def f():\n", "test": "def check(g): pass", "entry_point": "f"}""";

        var item = Build("humaneval", row, new(FewShot: 3)).Single();

        item.Contexts.ShouldBe(["def f():\n"]);
        item.Answers.ShouldBe(["def check(g): pass\ncheck(f)"]);
    }

    [Fact]
    public void Without_a_file_of_examples_other_items_are_shown()
    {
        var rows = string.Join('\n', Enumerable.Range(0, 3).Select(i => $$"""{"question": "q{{i}}", "answer": "a{{i}}"}"""));

        foreach (var item in Build("gsm8k", rows, new(FewShot: 2)))
        {
            var question = $"Question: q{item.Index}\n";
            item.Contexts.Single().ShouldEndWith($"{question}Answer:");
            item.Contexts.Single().Split(question).Length.ShouldBe(2);
            item.Contexts.Single().Split("Question:").Length.ShouldBe(4);
        }
    }

    [Fact]
    public void Too_few_examples_are_refused() =>
        Should.Throw<InvalidInputException>(() => Build("gsm8k", """{"question": "q", "answer": "a"}""")).Message
            .ShouldStartWith("the examples: expected at least 6, found 1; give a file of examples behind a comma");

    [Fact]
    public void An_answer_that_is_no_choice_is_refused() =>
        Should.Throw<InvalidInputException>(
                () => Build("piqa", """{"goal": "g", "sol1": "a", "sol2": "b", "label": "-1"}""")).Message
            .ShouldContain(":1: expected an answer of 0, 1, found -1; correct the row; a test set that is published without");

    [Theory]
    [InlineData("kind: generate", "kind: multiple_choice", "expected 'choices' or 'contexts' for multiple_choice")]
    [InlineData("kind: generate", "kind: code", "expected acc or acc_norm for multiple_choice, pass_at1 for code")]
    [InlineData("\"{answer}\"", "\"{answer\"", "key 'answer': an opening brace is not closed")]
    [InlineData("'####", "'(####", "key 'filters': ")]
    [InlineData("regex:", "pattern:", "key 'filters[0].steps[0].pattern' is unknown")]
    [InlineData("match: -1", "strip: true", "expected one of regex, strip, lowercase, prepend")]
    [InlineData("metrics:", "figures:", "key 'figures' is unknown")]
    public void A_wrong_definition_is_refused(string right, string wrong, string message)
    {
        var yaml = File.ReadAllText(Path.Combine(Fixtures.Recipes, "..", "tasks", "gsm8k.yaml"));
        yaml.ShouldContain(right);
        File.WriteAllText(directory["own.yaml"], yaml.Replace(right, wrong));

        var fault = Should.Throw<InvalidInputException>(() => TaskLibrary.Load(directory["own.yaml"])).Message;

        fault.ShouldStartWith(directory["own.yaml"] + ":");
        fault.ShouldContain(message);
    }

    [Fact]
    public void An_unknown_task_is_refused_with_those_that_there_are() =>
        Should.Throw<InvalidInputException>(() => TaskLibrary.Load("gsm9k")).Message
            .ShouldStartWith("--task gsm9k: expected one of arc_challenge, arc_easy, gsm8k, ");

    private IReadOnlyList<TaskItem> Build(string name, string rows, TaskOptions? options = null, string? examples = null)
    {
        File.WriteAllText(directory["items.jsonl"], rows);
        if (examples is not null) File.WriteAllText(directory["examples.jsonl"], examples);
        var paths = new TaskPaths(directory["items.jsonl"], examples is null ? null : directory["examples.jsonl"]);
        return TaskLibrary.Load(name, paths, options ?? new()).Subsets.Single().Items;
    }
}
