using System.Xml.Linq;
using Bam.Experiments.Recipes;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Bam.Tests.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public sealed class StudyReportTests : IDisposable
{
    private static readonly RecipeClaim Claim = new() { Says = "a beats b", Order = ["a", "b"], Source = "the paper" };

    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void It_is_one_file_that_asks_for_nothing_else()
    {
        StudyReport.WritePage(SyntheticStudy.Create(directory.Root, 1, 2, 3), directory["main.html"]);

        var text = File.ReadAllText(directory["main.html"]);

        text.ShouldNotContain("{{");
        foreach (var outside in new[] { "http:", "https:", "//", "@import", "url(", "<script", " src=" })
            text.ShouldNotContain(outside);
        Parse(text).Descendants("section").Select(section => section.Attribute("id")!.Value).ShouldBe(
        [
            "table-1", "table-2", "change", "claims", "loss", "cost-perplexity", "routing", "stability", "budgets", "costs",
            "bits-per-byte",
            "units", "recipe",
        ]);
    }

    [Fact]
    public void Cells_hold_mean_deviation_and_paired_change()
    {
        var row = Row(Draw(SmallStudy.Of((9, 10), (18, 20), (27, 30))), "table-1", "a");

        // a: 9, 18, 27, always a tenth below b.
        row.Elements("td").Last().Value.ShouldBe("18.00 (best)±\u20099.00−10.0 ± 0.0\u2009%");
        row.Elements("td").Last().Elements("small").Last().Attribute("class")!.Value.ShouldBe("better");
    }

    [Fact]
    public void A_change_whose_interval_includes_zero_has_no_colour()
    {
        var row = Row(Draw(SmallStudy.Of((9, 10), (10, 10), (9.9, 10))), "table-1", "a");

        row.Elements("td").Last().Elements("small").Last().Attribute("class")!.Value.ShouldBe("same");
    }

    [Fact]
    public void A_table_and_a_claim_may_be_about_some_domains()
    {
        var paper = new Dictionary<string, IReadOnlyDictionary<string, double>>
        {
            ["a"] = new Dictionary<string, double> { ["mean"] = 11 },
            ["b"] = new Dictionary<string, double> { ["mean"] = 10 },
        };
        var recipe = SmallStudy.RecipeWith(Claim with { Domains = ["y"] }) with
        {
            Tables = [new() { Title = "In y", Models = [
                "a", "b"], Domains = ["y"] }, new() { Title = "Both", Models = ["a", "b"], Paper = paper },
            ],
        };

        var document = Draw(SmallStudy.Of(recipe, (9, 10)));

        Row(document, "table-1", "a").Elements("td").Select(cell => cell.Value).ShouldBe(["10.00 (best)", "10.00 (best)"]);
        var cells = Row(document, "claims", "a < b").Elements("td").Select(cell => cell.Value).ToList();
        cells[1].ShouldStartWith("−1.00");
        cells[2].ShouldBe("−9.1\u2009%");
        cells[3].ShouldBe("1 of 11 of 1 domains");
        cells[4].ShouldBeEmpty();
        cells[5].ShouldStartWith("−1.00");
    }

    [Fact]
    public void The_papers_figures_stand_beside_ours_and_other_signs_are_named()
    {
        var recipe = SmallStudy.RecipeWith(Claim) with
        {
            Tables =
            [
                new()
                {
                    Title = "Both", Models = ["a", "b"], Against = "b",
                    Paper = new Dictionary<string, IReadOnlyDictionary<string, double>>
                    {
                        ["a"] = new Dictionary<string, double> { ["x"] = 30, ["mean"] = 11 },
                        ["b"] = new Dictionary<string, double> { ["x"] = 40, ["mean"] = 10 },
                    },
                },
            ],
        };

        var document = Draw(SmallStudy.Of(recipe, (9, 10), (9.1, 10), (9, 10.1)));

        Papers(Row(document, "table-1", "a")).ShouldBe(["paper 30, −25.0\u2009%", "paper 11, +10.0\u2009% other sign"]);
        Papers(Row(document, "table-1", "b")).ShouldBe(["paper 40", "paper 10"]);
        Papers(Row(document, "claims", "a < b")).ShouldBe(["paper +10.0\u2009% other sign", "paper −25.0\u2009%"]);
    }

    [Fact]
    public void A_contradicted_claim_is_said_as_plainly()
    {
        var row = Row(Draw(SmallStudy.Of(SmallStudy.RecipeWith(Claim), (11, 10), (11.1, 10), (11, 10.1))), "claims", "a < b");

        // Differences 1, 1.1, 0.9: mean 1, deviation 0.1, half-width 0.248.
        row.Elements("td").Take(4).Select(cell => cell.Value).ShouldBe(
        [
            "contradictedour figures contradict the source", "+1.00+0.75 to +1.25", "+10.0 ± 2.6\u2009%", "0 of 30 of 2 domains",
        ]);
    }

    [Fact]
    public void One_seed_has_no_interval_and_says_so()
    {
        var document = Draw(SmallStudy.Of(SmallStudy.RecipeWith(Claim), (9, 10)));

        document.Descendants("header").Single().Value.ShouldContain("there are no intervals");
        document.Descendants("header").Single().Value.ShouldContain("seed 1 finished, 2, 3 missing");
        Row(document, "claims", "a < b").Elements("td").Take(2).Select(cell => cell.Value)
            .ShouldBe(["held with one seed, no interval", "−1.00no interval"]);
        Row(document, "table-1", "a").Elements("td").Last().Value.ShouldBe("9.00 (best)−10.0\u2009%");
        Section(document, "units").Descendants("td").Count(cell => cell.Value == "not finished").ShouldBe(2);
    }

    [Fact]
    public void A_study_of_which_nothing_is_finished_still_has_a_page()
    {
        var document = Draw(SyntheticStudy.Create(directory.Root));

        document.Descendants("section").Single().Attribute("id")!.Value.ShouldBe("recipe");
        document.Descendants("header").Single().Value.ShouldContain("No unit is finished yet");
    }

    [Fact]
    public void Without_tables_there_is_one_of_all_models()
    {
        var study = SyntheticStudy.Create(directory.Root, 1);

        var table = Section(Draw(study with { Recipe = study.Recipe with { Tables = [] } }), "table-1");

        var rows = table.Descendants("tbody").Elements("tr").ToList();
        rows.Count(row => row.Attribute("class")?.Value != "group").ShouldBe(study.Models.Count);
        rows.Where(row => row.Attribute("class")?.Value == "group").Select(row => row.Value)
            .ShouldBe(["Dense", "Specialised", "Mixtures"]);
        table.Descendants("p").First().Value.ShouldContain("change against btx");
    }

    [Fact]
    public void Units_name_their_machines()
    {
        var units = Section(Draw(SyntheticStudy.Create(directory.Root, 1, 3)), "units");

        units.Value.ShouldContain("come from different machines");
        units.Descendants("tbody").Elements("tr").Select(row => row.Value.Contains("EPYC")).ShouldBe([false, true, false]);
    }

    [Fact]
    public void A_budget_by_core_seconds_says_with_how_many_threads_it_was_calibrated_and_one_by_flops_does_not()
    {
        var study = SyntheticStudy.Create(directory.Root, 1, 2);
        var budgets = Section(Draw(study), "budgets").Descendants("tbody").Elements("tr")
            .Select(row => row.Elements("td").First().Value).ToList();

        budgets.ShouldContain("core-seconds of btx (2 threads)");
        budgets.ShouldContain("FLOPs of btx");
        budgets.ShouldAllBe(text => text == "core-seconds of btx (2 threads)" || text == "FLOPs of btx");
    }

    [Fact]
    public void Names_cannot_become_markup()
    {
        const string Hostile = "</style><script>alert('1')</script>&\"";
        var study = SyntheticStudy.Create(directory.Root, 1, 2);
        study = new(
            study.Recipe with
            {
                Title = Hostile, About = Hostile, Claims = [new() { Says = Hostile, Source = Hostile, Order = ["bam", "btx"] }],
                Tables = [new() { Title = Hostile, Note = Hostile, Models = ["btx", "bam"], Against = "btx" }],
            },
            [.. study.Units.Select(unit => unit with { Machine = unit.Machine with { Cpu = Hostile, Blas = Hostile } })]);

        var document = Draw(study);

        document.Descendants("script").ShouldBeEmpty();
        document.Descendants("h1").Single().Value.ShouldBe(Hostile);
        Section(document, "table-1").Element("h2")!.Value.ShouldBe(Hostile);
    }

    [Fact]
    public void Every_figure_says_what_it_shows()
    {
        var document = Draw(SyntheticStudy.Create(directory.Root, 1, 2, 3));

        document.Descendants("svg").ShouldAllBe(
            svg => svg.Attribute("role")!.Value == "img" && svg.Attribute("aria-label")!.Value.Length > 20);
        document.Descendants("table").ShouldAllBe(table => table.Element("caption") != null);
        document.Descendants("th").ShouldAllBe(heading => heading.Attribute("scope") != null);
        Section(document, "loss").Descendants("figcaption").Select(caption => caption.Value)
            .ShouldBe(
                [
                    "over tokens", "over core-seconds", "over tokens", "over core-seconds", "seed",
                    "specialised, each on its own text",
                ]);
    }

    [Fact]
    public void The_page_of_a_set_tells_all_claims_and_links_to_its_studies()
    {
        Study[] studies =
        [
            SyntheticStudy.Create(directory.Root, 1, 2, 3),
            SmallStudy.Of(SmallStudy.RecipeWith(Claim), (9, 10)),
        ];
        var set = new StudySet { Name = "both", Title = "Two studies", About = "What is it about?", Studies = [] };
        SetReport.Write(set, studies, directory.Root);

        var document = Parse(File.ReadAllText(directory["report.html"]));

        document.Descendants("section").Select(section => section.Attribute("id")!.Value)
            .ShouldBe(["found", "study-main", "study-small"]);
        Section(document, "found").Descendants("a").Select(link => link.Attribute("href")!.Value).Distinct()
            .ShouldBe(["main.html#claims", "small.html#claims"]);
        document.Descendants("header").Single().Value.ShouldContain("4 of 6 units finished");
        Section(document, "study-small").Descendants("p").First().Value.ShouldBe("seed 1 finished, 2, 3 missing");
    }

    private XDocument Draw(Study study)
    {
        StudyReport.WritePage(study, directory["study.html"]);
        return Parse(File.ReadAllText(directory["study.html"]));
    }

    private static IEnumerable<string> Papers(XElement row) =>
        row.Descendants("small").Where(small => small.Attribute("class")?.Value == "paper").Select(small => small.Value);

    private static XDocument Parse(string html) => XDocument.Parse(html.Replace("<!doctype html>", ""));

    private static XElement Section(XDocument document, string id) =>
        document.Descendants("section").Single(section => section.Attribute("id")!.Value == id);

    private static XElement Row(XDocument document, string section, string name) => Section(document, section).Descendants("tr")
        .Single(row => row.Element("th") is { } heading && heading.Attribute("scope")?.Value == "row" && heading.Value == name);
}
