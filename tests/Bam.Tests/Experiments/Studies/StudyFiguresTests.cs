using System.Globalization;
using System.Text.Json;
using Bam.Experiments.Recipes;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Studies;

public sealed class StudyFiguresTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Csv_has_a_line_for_each_unit_model_and_domain()
    {
        var study = SyntheticStudy.Create(directory.Root, 1, 3);
        StudyFigures.WriteCsv(study, directory["main.csv"]);

        var lines = File.ReadAllText(directory["main.csv"]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

        lines[0].ShouldBe(
            "study,seed,model,kind,domain,perplexity,bits_per_byte,tokens,training_tokens,core_seconds,flops,"
            + "tokens_per_second,parameters_total,parameters_active");
        lines.Length.ShouldBe(1 + (2 * study.Models.Count * study.Domains.Count));
        var fields = lines.Single(line => line.StartsWith("main,3,bam-compute,bam,law,", StringComparison.Ordinal)).Split(',');
        double.Parse(fields[5], CultureInfo.InvariantCulture)
            .ShouldBe(study.Units[1].Models.Single(model => model.Name == "bam-compute").Perplexity["law"]);
        fields[8].ShouldBe("960000");
    }

    [Fact]
    public void Fields_with_commas_and_quotes_are_quoted()
    {
        var csv = new CsvText();
        csv.AddLine(["plain", "a,b", "say \"x\"", "two\nlines", 1.5, double.NaN]);

        csv.ToString().ShouldBe("plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",1.5,NaN\r\n");
    }

    [Fact]
    public void Json_holds_means_comparisons_and_verdicts()
    {
        var recipe = SmallStudy.RecipeWith(new RecipeClaim { Says = "a beats b", Order = ["a", "b"], Source = "paper" });
        StudyFigures.WriteJson(SmallStudy.Of(recipe, (9, 10), (18, 20), (27, 30)), directory["small.json"]);

        using var json = JsonDocument.Parse(File.ReadAllText(directory["small.json"]));
        var root = json.RootElement;

        root.GetProperty("seeds_finished").EnumerateArray().Select(seed => seed.GetInt64()).ShouldBe([1, 2, 3]);
        root.GetProperty("seeds_missing").GetArrayLength().ShouldBe(0);
        root.GetProperty("models")[0].GetProperty("mean_perplexity").GetProperty("mean").GetDouble().ShouldBe(18);
        root.GetProperty("models")[0].GetProperty("perplexity").GetProperty("x").GetProperty("standard_deviation").GetDouble()
            .ShouldBe(9);
        var claim = root.GetProperty("claims")[0];
        claim.GetProperty("verdict").GetString().ShouldBe("holds_in_mean");
        claim.GetProperty("pairs")[0].GetProperty("mean").GetProperty("difference").GetProperty("mean").GetDouble().ShouldBe(-2);
        root.GetProperty("tables")[0].GetProperty("comparisons").GetArrayLength().ShouldBe(3);
    }

    [Fact]
    public void One_seed_has_no_deviation()
    {
        StudyFigures.WriteJson(SmallStudy.Of((9, 10)), directory["small.json"]);

        File.ReadAllText(directory["small.json"]).ShouldContain("\"standard_deviation\": \"NaN\"");
    }
}
