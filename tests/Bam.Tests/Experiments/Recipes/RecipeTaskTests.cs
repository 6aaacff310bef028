using Bam.Experiments;
using Bam.Experiments.Recipes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Recipes;

public sealed class RecipeTaskTests : IDisposable
{
    private const string Yaml = """
        domains:
          general: { files: [general.txt] }
          law: { files: [law.txt] }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { sequence_length: 32 }
        seed: { tokens: 1e6, learning_rate: 2e-3 }
        experts: { law: { tokens: 1e6 } }
        mixtures: { btx: { method: btx, tokens: 1e6 } }
        tasks:
          piqa: { file: valid.jsonl, few_shot: 1, limit: 2 }
          trivia:
            task: nq_open
            file: nq.jsonl
            max_tokens: 4
            models: [btx, seed]
          mine: { task: own/mine.yaml, file: mine.csv }
        """;

    private readonly TemporaryDirectory directory = new();

    public RecipeTaskTests()
    {
        Directory.CreateDirectory(directory["own"]);
        Write("general.txt", "text");
        Write("law.txt", "text");
        Write("valid.jsonl", """
            {"goal": "to cook", "sol1": "use a pot", "sol2": "use a hat", "label": 0}
            {"goal": "to sit", "sol1": "use a knife", "sol2": "use a chair", "label": 1}
            """);
        Write("nq.jsonl", """{"question": "who", "answer": ["he"]}""");
        Write("mine.csv", "text,answer\na,b\n");
        Write("own/mine.yaml", """
            published: at home
            kind: generate
            prompt: "{text}"
            answer: "{answer}"
            max_tokens: 3
            metrics: [{ name: exact_match }]
            """);
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_task_has_data_options_and_models()
    {
        var recipe = Read(Yaml);
        var tasks = GivenTasks.Of(recipe);

        tasks.Select(task => task.Name).ShouldBe(["piqa", "trivia", "mine"]);
        recipe.Tasks["piqa"].ShouldBe(new RecipeTask { File = directory["valid.jsonl"], FewShot = 1, Limit = 2 });
        tasks[0].Definition.FewShot.Count.ShouldBe(1);
        tasks[0].Models.ShouldBe(["seed", "law", "btx"]);
        tasks[1].Definition.MaxTokens.ShouldBe(4);
        tasks[1].Models.ShouldBe(["seed", "btx"]);
        recipe.Tasks["mine"].Task.ShouldBe(directory["own/mine.yaml"]);
        tasks[2].Definition.Published.ShouldBe("at home");
        Should.NotThrow(() => GivenTasks.Check(recipe));
    }

    [Fact]
    public void The_resolved_recipe_reads_back_as_the_same_recipe()
    {
        var resolved = RecipeWriter.Write(RecipePaths.Relative(Read(Yaml)));

        resolved.ShouldContain("file: valid.jsonl");
        resolved.ShouldContain("task: own/mine.yaml");
        RecipeWriter.Write(RecipePaths.Relative(Read(resolved))).ShouldBe(resolved);
    }

    [Fact]
    public void A_runs_directory_must_not_be_that_of_a_tasks_data() =>
        Should.Throw<InvalidInputException>(() => ExperimentRun.Open(Write("recipe.yaml", Yaml), directory["mine.csv"]))
            .Message.ShouldContain("mine.csv");

    [Theory]
    [InlineData(
        "  piqa:", "  pica:", "recipe.yaml:10: key 'tasks.pica': there is no task 'pica', did you mean 'piqa'; known are arc")]
    [InlineData("task: nq_open", "task: nq", "recipe.yaml:12: key 'tasks.trivia': there is no task 'nq'")]
    [InlineData("task: nq_open", "task: nq", "winogrande; for a task of your own give 'task' the path of its .yaml file")]
    [InlineData("  piqa:", "  a/b:", "recipe.yaml:10: 'a/b' cannot be a name")]
    [InlineData("limit: 2", "limits: 2", "recipe.yaml:10: key 'tasks.piqa.limits' is unknown, did you mean 'limit'")]
    [InlineData("limit: 2", "limit: 0", "recipe.yaml:10: key 'tasks.piqa.limit': expected an integer of at least 1")]
    [InlineData("file: valid.jsonl, ", "", "recipe.yaml:10: key 'tasks.piqa.file' is missing")]
    [InlineData(
        "[btx, seed]", "[btx, sed]",
        "recipe.yaml:15: key 'tasks.trivia.models': there is no model 'sed', did you mean 'seed'")]
    [InlineData("[btx, seed]", "[]", "recipe.yaml:15: key 'tasks.trivia.models': expected at least one model, and none twice")]
    [InlineData("[btx, seed]", "[btx, btx]", "recipe.yaml:15: key 'tasks.trivia.models': expected at least one model, and none")]
    public void A_fault_in_the_recipe_costs_one_line_that_names_the_place(string good, string bad, string message) =>
        FaultOf(good, bad, recipe => GivenTasks.Of(recipe)).ShouldContain(message);

    [Theory]
    [InlineData(
        "file: nq.jsonl", "file: nq2.jsonl",
        "/nq2.jsonl: does not exist; Bam reads local files only, and the data set is published at https://", "13", "file")]
    [InlineData(
        "limit: 2", "examples: train.jsonl",
        "/train.jsonl: does not exist; Bam reads local files only, and the data set is published at https://", "10", "examples")]
    [InlineData("own/mine.yaml", "own/other.yaml", "/own/other.yaml: expected a YAML file, found nothing", "16", "task")]
    [InlineData("limit: 2", "max_tokens: 2", " has no effect on a task of multiple choice; remove it", "10", "max_tokens")]
    [InlineData(
        "few_shot: 1", "few_shot: 7", ": the examples: expected at least 8, found 2; give a file of examples", "10", null)]
    [InlineData(
        "max_tokens: 4", "max_tokens: 32",
        ": expected fewer than the 32 positions of the models (max_position_embeddings), found 32; give fewer, or more", "14",
        "max_tokens")]
    [InlineData(
        "task: nq_open", "task: humaneval",
        ": expected true, because the task runs programs that the models write, found false; set it", "11",
        "allow_code_execution")]
    public void What_the_tasks_need_is_checked_before_any_work(string good, string bad, string message, string line, string? key)
    {
        var task = line is "10" ? "piqa" : line is "16" ? "mine" : "trivia";
        var place = $"{directory["recipe.yaml"]}:{line}: key 'tasks.{task}{(key is null ? "" : $".{key}")}'";

        var fault = FaultOf(good, bad, GivenTasks.Check);

        fault.ShouldStartWith(place);
        fault.ShouldContain(message);
    }

    [Fact]
    public void Examples_that_the_task_fixes_cannot_be_chosen() =>
        FaultOf("task: nq_open", "task: humaneval\n    few_shot: 2\n    allow_code_execution: true", GivenTasks.Check)
            .ShouldContain("recipe.yaml:13: key 'tasks.trivia.few_shot' has no effect: the task fixes its examples; remove it");

    private string FaultOf(string good, string bad, Action<Recipe> check)
    {
        Yaml.ShouldContain(good);
        var fault = Should.Throw<InvalidInputException>(
            () => check(Read(Yaml.Replace(good, bad, StringComparison.Ordinal)))).Message;
        fault.ShouldNotContain("\n");
        return fault;
    }

    private Recipe Read(string yaml) => RecipeReader.Read(Write("recipe.yaml", yaml));

    private string Write(string name, string text)
    {
        File.WriteAllText(directory[name], text);
        return directory[name];
    }
}
