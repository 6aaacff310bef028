using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class RunRecipeTests : IDisposable
{
    private const string Recipe = """
        domains:
          general: { files: [general.txt] }
          law: { files: [law.txt] }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        seed: { tokens: 1e6, learning_rate: 2e-3 }
        experts:
          law: { tokens: 4e5 }
        mixtures:
          btx: { method: btx, tokens: 3e5 }
        """;

    private readonly string root = Directory.CreateTempSubdirectory("bam-test-").FullName;

    public RunRecipeTests()
    {
        foreach (var domain in new[] { "general", "law" }) File.WriteAllText(Path.Combine(root, $"{domain}.txt"), "some text");
    }

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void A_dry_run_shows_every_phase_and_writes_nothing()
    {
        var run = Run(Recipe, "--dry-run");

        run.Status.ShouldBe(0);
        foreach (var phase in new[]
        {
            "tokenizer", "data general", "data law", "train seed", "train law", "mix btx", "train btx", "evaluate btx",
        })
            run.Output.ShouldContain(phase);
        run.Output.ShouldContain("not run yet");
        Directory.Exists(Path.Combine(root, "out")).ShouldBeFalse();

        using var plan = JsonDocument.Parse(Run(Recipe, "--dry-run", "--json").Output);
        var unit = plan.RootElement.EnumerateArray().ShouldHaveSingleItem();
        unit.GetProperty("is_finished").GetBoolean().ShouldBeFalse();
        unit.GetProperty("phases")[0].GetProperty("phase").GetString().ShouldBe("tokenizer");
        unit.GetProperty("phases")[0].GetProperty("state").GetString().ShouldBe("pending");
    }

    [Fact]
    public void A_fault_costs_one_line_with_its_place()
    {
        var run = Run(Recipe.Replace("method: btx", "methd: btx", StringComparison.Ordinal));

        run.Status.ShouldBe(2);
        run.Error.ShouldBe(
            $"bam: {Path.Combine(root, "recipe.yaml")}:9: key 'mixtures.btx.methd' is unknown, did you mean 'method'\n");
        Directory.Exists(Path.Combine(root, "out")).ShouldBeFalse();
    }

    [Fact]
    public void A_missing_file_of_a_domain_is_named()
    {
        File.Delete(Path.Combine(root, "law.txt"));

        var run = Run(Recipe);

        run.Status.ShouldBe(2);
        run.Error.ShouldContain(Path.Combine(root, "law.txt"));
    }

    [Fact]
    public void A_folder_stands_for_the_recipe_in_it()
    {
        File.WriteAllText(Path.Combine(root, "recipe.yaml"), Recipe);

        CommandLineRun.Of("run", root, "--dry-run").Status.ShouldBe(0);
    }

    [Fact]
    public void The_schema_describes_every_key()
    {
        using var schema = JsonDocument.Parse(CommandLineRun.Of("run", "--schema").Output);

        var properties = schema.RootElement.GetProperty("properties");
        properties.GetProperty("training").GetProperty("properties").GetProperty("batch_size").GetProperty("description")
            .GetString().ShouldNotBeNullOrEmpty();
        var mixture = properties.GetProperty("mixtures").GetProperty("additionalProperties");
        mixture.GetProperty("required").EnumerateArray().Select(name => name.GetString()).ShouldBe(["method"]);
        mixture.GetProperty("properties").GetProperty("match").GetProperty("properties").GetProperty("by").GetProperty("enum")
            .EnumerateArray()
            .Select(name => name.GetString()).ShouldBe(["core_seconds", "flops", "tokens"]);
    }

    [Theory]
    [InlineData("demo")]
    [InlineData("debian-domains")]
    public void The_recipes_that_come_with_the_command_are_in_order(string name)
    {
        var run = CommandLineRun.Of(
            "run", RepositoryRoot.PathOf("recipes", name), "--dry-run", "--output", Path.Combine(root, "out"));

        run.Error.ShouldBe("");
        run.Status.ShouldBe(0);
        run.Output.ShouldContain("train bam");
    }

    [Fact]
    public void The_reproduction_runs_every_experiments_path()
    {
        var run = CommandLineRun.Of(
            "run", RepositoryRoot.PathOf("recipes", "reproduction"), "--smoke", "--output", Path.Combine(root, "out"));

        run.Status.ShouldBe(0, run.Error);
        run.Output.ShouldContain("Main result");
    }

    [Fact]
    public void The_reproductions_units_are_planned_seed_by_seed()
    {
        var run = CommandLineRun.Of(
            "run", RepositoryRoot.PathOf("recipes", "reproduction"), "--dry-run", "--json", "--seeds", "2", "3", "--output",
            Path.Combine(root, "out"));

        run.Status.ShouldBe(0, run.Error);
        using var plan = JsonDocument.Parse(run.Output);
        plan.RootElement.EnumerateArray().Select(unit => unit.GetProperty("seed").GetInt64()).Distinct().ShouldBe([2, 3]);
    }

    [Fact]
    public void The_example_for_own_data_is_in_order()
    {
        File.Copy(RepositoryRoot.PathOf("recipes", "own-data", "recipe.yaml"), Path.Combine(root, "recipe.yaml"));
        foreach (var (folder, file) in new[] { ("general", "a.txt"), ("law", "a.jsonl"), (".", "tickets.jsonl.gz") })
        {
            Directory.CreateDirectory(Path.Combine(root, folder));
            File.WriteAllText(Path.Combine(root, folder, file), "text");
        }

        var run = CommandLineRun.Of("run", root, "--dry-run", "--output", Path.Combine(root, "out"));

        run.Error.ShouldBe("");
        run.Output.ShouldContain("train support");
    }

    [Fact]
    public void Without_a_recipe_help_is_offered() => CommandLineRun.Of("run").ShouldSatisfyAllConditions(
        run => run.Status.ShouldBe(2), run => run.Error.ShouldBe("bam: RECIPE is missing; try: bam run --help\n"));

    private CommandLineRun Run(string recipe, params string[] options)
    {
        var path = Path.Combine(root, "recipe.yaml");
        File.WriteAllText(path, recipe);
        return CommandLineRun.Of(["run", path, "--output", Path.Combine(root, "out"), .. options]);
    }
}
