using Bam.Experiments.Findings;
using Shouldly;
using Xunit;

namespace Bam.Cli.Tests.Commands;

public sealed class ReportTests : IDisposable
{
    private const string Study = """
        random_seeds: [1, 2, 3]
        results: results
        domains: { general: { files: [general.txt] }, law: { files: [law.txt] } }
        model: { hidden_size: 8, intermediate_size: 16, num_hidden_layers: 1, num_attention_heads: 2 }
        seed: { tokens: 1e6, learning_rate: 2e-3 }
        experts: { law: { tokens: 4e5 } }
        mixtures: { btx: { method: btx, tokens: 3e5 } }
        claims: [{ says: "BTX beats the seed", order: [btx, seed] }]
        """;

    private readonly string run = Directory.CreateTempSubdirectory("bam-report-").FullName;

    public void Dispose() => Directory.Delete(run, recursive: true);

    [Fact]
    public void The_path_of_the_report_is_the_result()
    {
        SaveResults();
        var path = Path.Combine(run, "report.html");

        CommandLineRun.Of("report", run).ShouldBe(new(0, path + "\n", ""));
        File.ReadAllText(path).ShouldStartWith("<!doctype html>");
    }

    [Fact]
    public void Another_path_can_be_chosen()
    {
        SaveResults();
        var path = Path.Combine(run, "elsewhere.html");

        CommandLineRun.Of("report", run, "--output", path, "--json").Output.ShouldContain("\"output\"");

        File.Exists(path).ShouldBeTrue();
    }

    [Fact]
    public void An_unfinished_run_costs_one_line_and_status_2()
    {
        var result = CommandLineRun.Of("report", run);

        result.Status.ShouldBe(2);
        result.Error.ShouldBe(
            $"bam: {Path.Combine(run, "results.json")}: expected the results of a finished run, found no such file; run 'bam "
            + "run RECIPE' to its end first\n");
    }

    [Fact]
    public void What_is_neither_a_run_nor_a_recipe_is_named()
    {
        var (nothing, study) = (Path.Combine(run, "nothing"), Path.Combine(run, "study"));
        Directory.CreateDirectory(Path.Combine(study, "results"));

        CommandLineRun.Of("report", nothing).ShouldBe(new(
            2, "", $"bam: {nothing}: expected the directory of a run, or a recipe, found nothing; check the path\n"));
        CommandLineRun.Of("report", study).ShouldBe(new(
            2, "", $"bam: {study}: expected results.json, found the results of a study; name the study's recipe\n"));
    }

    [Fact]
    public void A_study_without_stored_results_and_a_file_as_its_directory_are_refused()
    {
        var (recipe, file) = (WriteStudy(), Path.Combine(run, "file"));
        File.WriteAllText(file, "precious");

        var empty = CommandLineRun.Of("report", recipe, "--output", Path.Combine(run, "pages"));
        var wrong = CommandLineRun.Of("report", recipe, "--output", file);

        (empty.Status, wrong.Status).ShouldBe((2, 2));
        empty.Error.ShouldStartWith($"bam: {recipe}: expected stored results of at least one random seed");
        Directory.Exists(Path.Combine(run, "pages")).ShouldBeFalse();
        wrong.Error.ShouldBe($"bam: {file}: expected a run's directory, found a file; choose another --output\n");
    }

    [Fact]
    public void Results_without_models_are_drawn()
    {
        (Empty with { Domains = ["law"] }).Save(run);

        CommandLineRun.Of("report", run).ShouldBeDone();
    }

    [Theory]
    [InlineData("html")]
    [InlineData("json")]
    [InlineData("csv")]
    public void Pages_of_a_study_replace_pages_of_a_study_only(string ending)
    {
        var recipe = WriteStudy();
        SaveUnit(1, "seed", "law", "btx");
        var output = Directory.CreateDirectory(Path.Combine(run, "pages")).FullName;
        for (var i = 0; i < 2; i++) CommandLineRun.Of("report", recipe, "--output", output).ShouldBeDone();
        var page = Directory.GetFiles(output, $"*.{ending}").ShouldHaveSingleItem();
        File.WriteAllText(page, "precious");

        var refused = CommandLineRun.Of("report", recipe, "--output", output);

        refused.Status.ShouldBe(2);
        refused.Error.ShouldContain($"bam: {page}: expected a new file, or ");
        refused.Error.ShouldEndWith(" to replace, found one with other content; choose another name\n");
        File.ReadAllText(page).ShouldBe("precious");
    }

    [Fact]
    public void A_study_is_drawn_from_its_kept_figures_alone()
    {
        var recipe = WriteStudy();
        SaveUnit(1, "seed", "law", "btx");
        SaveUnit(2, "seed", "law", "btx");

        var result = CommandLineRun.Of("report", recipe, "--output", Path.Combine(run, "pages"));

        result.Status.ShouldBe(0);
        result.Output.ShouldBe(Path.Combine(run, "pages", "study.html") + "\n");
        // The text is not here, so the key cannot be computed.
        result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Single()
            .ShouldStartWith("warning: study: shown, but it cannot be checked here whether the figures belong to this recipe");
        foreach (var file in new[] { "study.html", "study.json", "study.csv" })
            File.Exists(Path.Combine(run, "pages", file)).ShouldBeTrue();
        File.ReadAllText(Path.Combine(run, "pages", "study.html")).ShouldContain("seeds 1, 2 finished, 3 missing");
    }

    [Fact]
    public void Figures_of_another_recipe_are_shown_and_named()
    {
        foreach (var domain in new[] { "general", "law" }) File.WriteAllText(Path.Combine(run, $"{domain}.txt"), "some text");
        var recipe = WriteStudy();
        SaveUnit(1, "seed", "law", "btx");
        SaveUnit(2, "seed", "law", "of-an-older-recipe");

        var result = CommandLineRun.Of("report", recipe, "--output", Path.Combine(run, "pages"));

        result.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).ShouldBe(
        [
            "warning: study: the figures of seed 2 are not shown: their models or domains differ from the recipe's",
            "warning: study: the figures of seed 1 are of another version of the recipe or its text; they are shown anyway",
        ]);
        File.ReadAllText(Path.Combine(run, "pages", "study.html")).ShouldContain("seed 1 finished, 2, 3 missing");
    }

    [Theory]
    [InlineData("main")]
    [InlineData("parameters")]
    [InlineData("routing")]
    [InlineData("latency")]
    [InlineData("robustness")]
    [InlineData("contrast")]
    [InlineData("attention-init")]
    [InlineData("router-stability")]
    [InlineData("data")]
    public void The_kept_figures_of_the_reproduction_are_those_of_its_recipes(string study) =>
        CommandLineRun.Of(
            "report", RepositoryRoot.PathOf("recipes", "reproduction", $"{study}.yaml"), "--output", Path.Combine(run, "pages"))
            .ShouldBe(new(0, Path.Combine(run, "pages", $"{study}.html") + "\n", ""));

    [Fact]
    public void A_set_has_a_page_of_its_own()
    {
        WriteStudy();
        File.WriteAllText(Path.Combine(run, "recipe.yaml"), "studies: [study.yaml]");

        var result = CommandLineRun.Of("report", run, "--output", Path.Combine(run, "pages"));

        result.Output.ShouldBe(Path.Combine(run, "pages", "report.html") + "\n");
        File.ReadAllText(Path.Combine(run, "pages", "report.html")).ShouldContain("href='study.html'");
    }

    [Fact]
    public void A_recipe_without_seed_numbers_is_drawn_from_the_results_of_its_run()
    {
        var recipe = Path.Combine(run, "plain.yaml");
        File.WriteAllText(recipe, Study.Replace("random_seeds: [1, 2, 3]\nresults: results\n", "", StringComparison.Ordinal));
        var output = Path.Combine(run, "plain");

        var missing = CommandLineRun.Of("report", recipe, "--output", output);
        ModelResult[] models = [Model("seed", 1), Model("law", 1), Model("btx", 1)];
        (Empty with { Recipe = "plain", Domains = ["general", "law"], Models = models }).Save(output);
        var drawn = CommandLineRun.Of("report", recipe, "--output", output);

        missing.Status.ShouldBe(2);
        missing.Error.ShouldBe(
            $"bam: {Path.Combine(output, "results.json")}: expected the results of a finished run, found no such file; run "
            + "'bam run RECIPE' to its end first\n");
        (drawn.Status, drawn.Output).ShouldBe((0, Path.Combine(output, "report.html") + "\n"));
        File.ReadAllText(Path.Combine(output, "report.html")).ShouldContain("BTX beats the seed");
    }

    private string WriteStudy()
    {
        var path = Path.Combine(run, "study.yaml");
        File.WriteAllText(path, Study);
        return path;
    }

    private void SaveUnit(long seed, params string[] models) => (Empty with
    {
        Recipe = "study",
        RandomSeed = seed,
        Key = "of another recipe",
        Domains = ["general", "law"],
        Models = [.. models.Select(model => Model(model, seed))],
    }).SaveFile(Path.Combine(run, "results", $"study-seed-{seed}.json"));

    private static ModelResult Model(string name, long seed) => new()
    {
        Name = name,
        Kind = name == "btx" ? ModelKind.Btx : ModelKind.Seed,
        Perplexity = new Dictionary<string, double> { ["general"] = 20 + seed, ["law"] = 10 + seed },
        BitsPerByte = new Dictionary<string, double> { ["general"] = 2, ["law"] = 1 },
        Tokens = new Dictionary<string, long> { ["general"] = 100, ["law"] = 100 },
        MeanPerplexity = 15 + seed,
        ParametersTotal = 1,
        ParametersActive = 1,
        TrainingTokens = 1,
        CoreSeconds = 1,
        TokensPerSecond = 1,
        Flops = 1,
    };

    private void SaveResults() => Empty.Save(run);

    private static Results Empty => new()
    {
        Recipe = "empty",
        Created = DateTimeOffset.UnixEpoch,
        Machine = new() { Cpu = "cpu", Cores = 1, Memory = 1, Libtorch = "1.13", Blas = "blas", Threads = 1 },
        Domains = [],
        Models = [],
        ResolvedRecipe = "",
    };
}
