using Bam.Experiments;
using Bam.Experiments.Phases;
using Bam.Experiments.Recipes;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Phases;

/// <summary>What the keys of tasks depend on.</summary>
public sealed class TaskPhaseTests : IDisposable
{
    private const string Recipe = """
        domains:
          general: { files: [general.txt] }
          law: { files: [law.txt] }
        tokenizer: { vocab_size: 300 }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        training: { batch_size: 2, sequence_length: 16 }
        seed: { tokens: 1000, learning_rate: 2e-3 }
        experts: { law: { tokens: 500 } }
        mixtures:
          soup: { method: soup }
          btx: { method: btx, tokens: 400 }
          bam: { method: bam, tokens: 400 }
        """;

    private const string Tasks = """

        tasks:
          piqa: { file: valid.jsonl }
          mmlu: { file: mmlu, models: [bam, seed] }
          own: { task: own.yaml, file: own.csv, max_tokens: 4, models: [bam, seed] }
        """;

    private const string AllPiqa = "task piqa@seed, task piqa@law, task piqa@soup, task piqa@btx, task piqa@bam, compare piqa";
    private const string AllMmlu = "task mmlu@seed, task mmlu@bam, compare mmlu";
    private const string AllOwn = "task own@seed, task own@bam, compare own";

    private readonly TemporaryDirectory directory = new();

    public TaskPhaseTests()
    {
        Directory.CreateDirectory(directory["mmlu/test"]);
        Write("general.txt", "some text");
        Write("law.txt", "some law");
        Write("valid.jsonl", """{"goal": "to cook", "sol1": "use a pot", "sol2": "use a hat"}""");
        Write("valid-labels.lst", "0\n");
        Write("mmlu/test/law_test.csv", "q1,w,x,y,z,A\n");
        Write("own.csv", "text,answer\na,b\n");
        Write("own.yaml", Own());
    }

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Tasks_add_a_phase_for_each_model_and_change_none()
    {
        var before = Keys(Recipe);

        var after = Keys(Recipe + Tasks);

        foreach (var (phase, key) in before) after[phase].ShouldBe(key);
        after.Keys.Except(before.Keys).ShouldBe(
            [.. $"prompts piqa, prompts mmlu, {AllPiqa}, {AllMmlu}, {AllOwn}".Split(", ")], ignoreOrder: true);
    }

    [Fact]
    public void Prompts_are_looked_at_before_anything_is_trained()
    {
        var titles = Graph(Recipe + Tasks).Order.Select(phase => phase.Title).ToList();

        titles.IndexOf("prompts mmlu").ShouldBeLessThan(titles.IndexOf("train seed"));
    }

    [Theory]
    [InlineData("{ file: valid.jsonl }", "{ file: valid.jsonl, limit: 1 }", "prompts piqa, " + AllPiqa)]
    [InlineData("{ file: valid.jsonl }", "{ file: valid.jsonl, few_shot: 0 }", "")]
    [InlineData("{ file: valid.jsonl }", "{ file: valid.jsonl, few_shot: 1 }", "prompts piqa, " + AllPiqa)]
    [InlineData("{ file: valid.jsonl }", "{ file: valid.jsonl, allow_code_execution: true }", "")]
    [InlineData("{ file: valid.jsonl }", "{ file: valid.jsonl, examples: valid.jsonl }", "prompts piqa, " + AllPiqa)]
    [InlineData("max_tokens: 4", "max_tokens: 5", AllOwn)]
    [InlineData("max_tokens: 4", "max_tokens: 4, few_shot: 0", "")]
    [InlineData("method: btx, tokens: 400", "method: btx, tokens: 432", "train btx, evaluate btx, task piqa@btx, compare piqa")]
    [InlineData("sequence_length: 16", "sequence_length: 16, device: cpu, threads: 1", "")]
    public void A_changed_line_changes_the_keys_of_what_depends_on_it(string line, string changed, string expected)
    {
        var before = Keys(Recipe + Tasks);

        var after = Keys((Recipe + Tasks).Replace(line, changed, StringComparison.Ordinal));

        Different(before, after).ShouldBe(Names(expected), ignoreOrder: true);
    }

    [Theory]
    [InlineData("valid.jsonl", """{"goal": "to eat", "sol1": "use a pot", "sol2": "use a hat"}""", "prompts piqa, " + AllPiqa)]
    [InlineData("valid-labels.lst", "1\n", "prompts piqa, " + AllPiqa)]
    [InlineData("mmlu/test/law_test.csv", "q2,w,x,y,z,A\n", "prompts mmlu, " + AllMmlu)]
    [InlineData("mmlu/test/logic_test.csv", "q2,w,x,y,z,A\n", "prompts mmlu, " + AllMmlu)]
    [InlineData("mmlu/dev/law_dev.csv", "q2,w,x,y,z,A\n", "prompts mmlu, " + AllMmlu)]
    [InlineData("mmlu/notes.txt", "not read", "")]
    [InlineData("own.csv", "text,answer\na,c\n", AllOwn)]
    [InlineData("own.yaml", "prompt", AllOwn)]
    [InlineData("own.yaml", "published", "")]
    public void Changed_files_change_the_keys_of_the_tasks_that_read_them(string file, string text, string expected)
    {
        var before = Keys(Recipe + Tasks);

        Write(file, text switch
        {
            "prompt" => Own(prompt: "{text}:"),
            "published" => Own(published: "there"),
            _ => text,
        });

        Different(before, Keys(Recipe + Tasks)).ShouldBe(Names(expected), ignoreOrder: true);
    }

    [Fact]
    public void Where_the_files_are_does_not_matter()
    {
        var before = Keys(Recipe + Tasks);
        Directory.Move(directory["mmlu"], directory["elsewhere"]);
        File.Move(directory["valid.jsonl"], directory["piqa.jsonl"]);
        File.Move(directory["valid-labels.lst"], directory["piqa-labels.lst"]);

        var after = Keys((Recipe + Tasks).Replace("file: mmlu", "file: elsewhere", StringComparison.Ordinal)
            .Replace("file: valid.jsonl", "file: piqa.jsonl", StringComparison.Ordinal));

        Different(before, after).ShouldBeEmpty();
    }

    [Fact]
    public void A_file_that_names_a_subset_is_another_under_another_name()
    {
        var recipe = Recipe + Tasks.Replace("file: mmlu", "file: mmlu/test/law_test.csv", StringComparison.Ordinal);
        var before = Keys(recipe);
        File.Move(directory["mmlu/test/law_test.csv"], directory["mmlu/test/logic_test.csv"]);

        var after = Keys(recipe.Replace("law_test.csv", "logic_test.csv", StringComparison.Ordinal));

        Different(before, after).ShouldBe(Names("prompts mmlu, " + AllMmlu), ignoreOrder: true);
    }

    [Theory]
    [InlineData("", "btx, btx, seed")]
    [InlineData("btx", "seed, seed, seed")]
    public void Models_are_compared_with_btx_or_else_with_the_seed(string without, string expected)
    {
        var recipe = (Recipe + Tasks).Replace("[bam, seed] }\n  own", "[bam, btx] }\n  own", StringComparison.Ordinal);
        if (without.Length > 0)
            recipe = recipe.Replace("btx: { method: btx", "btx: { method: sparse", StringComparison.Ordinal)
                .Replace("[bam, btx]", "[bam, seed]", StringComparison.Ordinal);

        Graph(recipe).Comparisons.Select(comparison => comparison.Against).ShouldBe(expected.Split(", "));
    }

    [Fact]
    public void A_single_model_is_compared_with_none() =>
        Graph(Recipe + "\ntasks: { piqa: { file: valid.jsonl, models: [bam] } }").Comparisons.ShouldBeEmpty();

    [Fact]
    public void The_key_of_a_unit_depends_on_its_tasks()
    {
        var keys = new[] { "", Tasks, Tasks.Replace("max_tokens: 4", "max_tokens: 5", StringComparison.Ordinal) }.Select(tasks =>
        {
            Graph(Recipe + tasks);
            return new RecipeUnit(
                RecipeReader.Read(directory["recipe.yaml"]), new PhaseStore(directory["run"]), new(directory["inputs.json"])).Key;
        });

        keys.Distinct().Count().ShouldBe(3);
    }

    private static IEnumerable<string> Different(Dictionary<string, string> before, Dictionary<string, string> after) =>
        after.Where(phase => before.GetValueOrDefault(phase.Key) != phase.Value).Select(phase => phase.Key);

    private static string[] Names(string titles) => titles.Split(", ", StringSplitOptions.RemoveEmptyEntries);

    private static string Own(string prompt = "{text}", string published = "here") => $$"""
        published: {{published}}
        kind: generate
        prompt: "{{prompt}}"
        answer: "{answer}"
        metrics: [{ name: exact_match }]
        """;

    private Dictionary<string, string> Keys(string recipe) =>
        Graph(recipe).Order.ToDictionary(phase => phase.Title, phase => phase.Key);

    private ExperimentGraph Graph(string yaml)
    {
        Write("recipe.yaml", yaml);
        return new ExperimentGraph(RecipeReader.Read(directory["recipe.yaml"]), new FileHashes(directory["inputs.json"]));
    }

    private void Write(string name, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(directory[name])!);
        File.WriteAllText(directory[name], text);
    }
}
