using System.Xml.Linq;
using Bam.Experiments;
using Bam.Experiments.Findings;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public sealed class ReportTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void It_is_one_file_that_asks_for_nothing_else()
    {
        SyntheticRun.Write(directory.Root);

        var path = StudyReport.Write(Read(), directory.Root);

        path.ShouldBe(Path.Combine(directory.Root, "report.html"));
        var text = File.ReadAllText(path);
        text.ShouldNotContain("{{");
        foreach (var outside in new[] { "http:", "https:", "//", "@import", "url(", "<script", " src=" })
            text.ShouldNotContain(outside);
        Parse(text).Descendants("section").Select(section => section.Attribute("id")!.Value)
            .ShouldBe(
                [
                    "table-1", "change", "claims", "loss", "cost-perplexity", "routing", "costs", "bits-per-byte", "units",
                    "recipe",
                ]);
    }

    [Fact]
    public void The_same_run_gives_the_same_bytes()
    {
        SyntheticRun.Write(directory.Root);
        var first = File.ReadAllBytes(StudyReport.Write(Read(), directory.Root));

        StudyReport.WritePage(Read(), directory["again.html"]);

        File.ReadAllBytes(directory["again.html"]).ShouldBe(first);
    }

    [Theory]
    [InlineData("results.json")]
    [InlineData("notes.html")]
    public void A_file_that_is_no_report_is_not_replaced(string name)
    {
        SyntheticRun.Write(directory.Root);
        File.WriteAllText(Path.Combine(directory.Root, "notes.html"), "<!doctype html><title>Notes on Bam</title>");
        var (path, before) = (Path.Combine(directory.Root, name), File.ReadAllText(Path.Combine(directory.Root, name)));

        Should.Throw<InvalidInputException>(() => StudyReport.WritePage(Read(), path)).Message
            .ShouldBe(
                $"{path}: expected a new file, or an older report to replace, found one with other content; choose another name");

        File.ReadAllText(path).ShouldBe(before);
    }

    [Fact]
    public void The_lowest_perplexity_of_each_column_is_marked()
    {
        var best = Table(Draw(), "table-1").Descendants("td").Where(cell => HasClass(cell, "best")).Select(Number);

        // law and code lead their own domains, bam the general one and the mean.
        best.ShouldBe(["24.30", "19.60", "5.21", "31.80", "20.57"]);
    }

    [Fact]
    public void Changes_are_against_btx()
    {
        var row = Row(Table(Draw(), "table-1"), "bam");

        row.Descendants("small").Select(change => (change.Attribute("class")!.Value, change.Value.Replace("\u2009", " ")))
            .ShouldBe(
                [("better", "−4.2 %"), ("better", "−4.2 %"), ("better", "−5.1 %"), ("better", "−4.4 %"), ("better", "−4.5 %")]);
        Row(Table(Draw(), "table-1"), "btx").Descendants("small").ShouldBeEmpty();
    }

    [Fact]
    public void Without_btx_changes_are_against_the_seed()
    {
        var table = Table(
            Draw(results => results with { Models = [.. results.Models.Where(model => model.Kind != ModelKind.Btx)] }),
            "table-1");

        Row(table, "seed").Descendants("small").ShouldBeEmpty();
        Row(table, "law").Descendants("small").ElementAt(1).Value.ShouldBe("−32.2\u2009%");
    }

    [Fact]
    public void What_was_not_measured_is_a_dash_and_never_best()
    {
        var document = Draw(results => results with
        {
            Models = [.. results.Models.Select(model => model.Name == "soup" ? Unmeasured(model) : model)],
        });
        var table = Table(document, "table-1");

        var cells = Row(table, "soup").Elements("td").ToList();
        cells[1].Value.ShouldBe("–");
        cells[2].Value.ShouldBe("–");
        cells.ShouldAllBe(cell => !HasClass(cell, "best"));
    }

    [Fact]
    public void Names_cannot_become_markup()
    {
        const string Hostile = "</style><script>alert('1')</script>&\"";
        var document = Draw(results => results with
        {
            Recipe = Hostile,
            Domains = [.. results.Domains, Hostile],
            Models =
            [
                .. results.Models.Select(model => model with
                {
                    Name = model.Name + Hostile, Budget = Hostile, Metrics = model.Metrics,
                }),
            ],
            ResolvedRecipe = Hostile,
            Machine = results.Machine with { Cpu = Hostile, Blas = Hostile, Libtorch = Hostile },
        });

        document.Descendants("script").ShouldBeEmpty();
        document.Descendants("h1").Single().Value.ShouldBe(Hostile);
        document.Descendants("title").First().Value.ShouldStartWith(Hostile);
        document.Descendants("pre").Single().Value.ShouldBe(Hostile);
    }

    [Fact]
    public void Claims_say_in_words_whether_they_held()
    {
        var rows = Section(Draw(), "claims").Descendants("tbody").Elements("tr").ToList();

        rows.Select(row => row.Element("th")!.Nodes().First().ToString()).ShouldBe(
        [
            "law beats the seed on law", "law is worse than the seed on code", "code beats the seed on code",
            "bam beats the seed on all special domains", "bam beats itself trained for longer",
        ]);
        rows.Select(row => row.Element("th")!.Element("small")!.Value)
            .ShouldBe(["law < seed", "seed < law", "code < seed", "bam < seed", "bam-compute < bam"]);
        rows.Select(row => row.Element("td")!.Value).ShouldBe(
            [
                "held with one seed, no interval", "held with one seed, no interval", "held with one seed, no interval",
                "held with one seed, no interval", "did not hold with one seed, no interval",
            ]);
    }

    [Fact]
    public void Every_figure_says_what_it_shows()
    {
        var document = Draw();

        document.Descendants("svg").ShouldAllBe(
            svg => svg.Attribute("role")!.Value == "img" && svg.Attribute("aria-label")!.Value.Length > 20);
        document.Descendants("table").ShouldAllBe(table => table.Element("caption") != null);
        document.Descendants("th").ShouldAllBe(heading => heading.Attribute("scope") != null);
        Section(document, "loss").Descendants("svg").Select(svg => svg.Attribute("aria-label")!.Value).First()
            .ShouldContain("btx ends at 2.841, bam ends at 2.799");
        Section(document, "loss").Descendants("figcaption").Select(caption => caption.Value)
            .ShouldBe(["over tokens", "over core-seconds", "seed", "specialised, each on its own text"]);
    }

    [Fact]
    public void Routing_is_shown_for_each_mixture_domain_and_layer()
    {
        var section = Section(Draw(), "routing");

        section.Elements("h3").Select(heading => heading.Value).ShouldBe(["btx", "bam", "bam-shared-kv", "bam-compute"]);
        // btx has no attention experts: 4 domains of load; each bam 4 of load and 4 of gates. The same over the training, folded
        // in.
        section.Descendants("table").Count().ShouldBe(2 * (4 + (3 * 8)));
        section.Descendants("details").Descendants("table").Count().ShouldBe(4 + (3 * 8));
        var table = section.Descendants("table").First();
        table.Element("thead")!.Descendants("th").Select(heading => heading.Value)
            .ShouldBe(["layer", "seed", "law", "code", "mathematics"]);
        foreach (var row in table.Element("tbody")!.Elements("tr"))
            row.Elements("td").Sum(cell => double.Parse(cell.Value, System.Globalization.CultureInfo.InvariantCulture))
                .ShouldBe(100, 3);
    }

    [Fact]
    public void A_run_of_dense_models_alone_has_no_routing()
    {
        var document = Draw(results => results with
        {
            Models = [.. results.Models.Where(model => model.Kind is ModelKind.Seed or ModelKind.Expert)],
        });

        document.Descendants("section").Select(section => section.Attribute("id")!.Value)
            .ShouldBe(["table-1", "change", "observations", "loss", "costs", "bits-per-byte", "units", "recipe"]);
    }

    [Fact]
    public void Probes_have_a_section_of_their_own()
    {
        var document = Draw(results => results with
        {
            Probes = ["verse", "mixed"],
            Models = [.. results.Models.Select((model, place) => model with { Probes = Verse(place) })],
        });
        var section = Section(document, "probes");

        section.Descendants("caption").Select(caption => caption.Value)
            .ShouldBe(["Bits per byte by model and probe", "Perplexity by model and probe"]);
        var bits = section.Descendants("table").First();
        bits.Element("thead")!.Descendants("th").Select(heading => heading.Value).ShouldBe(["Model", "verse", "mixed"]);
        bits.Descendants("td").Where(cell => HasClass(cell, "best")).Select(Number).ShouldBe(["2.200"]);
        Row(bits, "seed").Elements("td").Select(Number).ShouldBe(["3.000", "–"]);
        bits.Element("tfoot")!.Descendants("td").Select(cell => cell.Value).ShouldBe(["1.23\u2009k", ""]);
    }

    [Theory]
    [InlineData(
        "name: x\nno_such_key: 1\n",
        "the figures are shown without the recipe's tables and claims, because the stored recipe cannot be read (")]
    [InlineData(
        "domains: { general: { files: [a] } }\nseed: { tokens: 9, learning_rate: 1 }\nmodel: small\n",
        "the stored recipe has other models or domains")]
    public void A_stored_recipe_that_cannot_be_used_costs_a_warning_and_no_figure(string recipe, string warning)
    {
        SyntheticRun.Write(directory.Root, results => results with { ResolvedRecipe = recipe });
        var reporter = new RecordingReporter();

        var study = ResultsArchive.ReadRun(directory.Root, reporter);

        reporter.Said.ShouldHaveSingleItem().ShouldContain(warning);
        study.Units[0].Models.Count.ShouldBe(9);
        Parse(File.ReadAllText(StudyReport.Write(study, directory.Root))).Descendants("section")
            .Select(section => section.Attribute("id")!.Value)
            .ShouldContain("observations");
    }

    private XDocument Draw(Func<Results, Results>? change = null)
    {
        SyntheticRun.Write(directory.Root, change);
        return Parse(File.ReadAllText(StudyReport.Write(Read(), directory.Root)));
    }

    private Study Read() => ResultsArchive.ReadRun(directory.Root, SilentReporter.Instance);

    // The report keeps to well-formed XML, which makes it easy to take apart.
    private static XDocument Parse(string html) => XDocument.Parse(html.Replace("<!doctype html>", ""));

    private static XElement Section(XDocument document, string id) =>
        document.Descendants("section").Single(section => section.Attribute("id")!.Value == id);

    private static XElement Table(XDocument document, string section) => Section(document, section).Descendants("table").Single();

    private static Dictionary<string, ProbeResult> Verse(int place) =>
        new() { ["verse"] = new(100 + place, 3 - (0.1 * place), 1234) };

    private static XElement Row(XElement table, string model) =>
        table.Descendants("tr").Single(row => row.Element("th") is { } heading && IsRowOf(heading, model));

    private static bool IsRowOf(XElement heading, string model) =>
        heading.Attribute("scope")?.Value == "row" && heading.Nodes().First().ToString() == model;

    private static bool HasClass(XElement element, string name) =>
        element.Attribute("class")?.Value.Split(' ').Contains(name) == true;

    private static string Number(XElement cell) => cell.Nodes().First().ToString();

    private static ModelResult Unmeasured(ModelResult model) => model with
    {
        Perplexity = model.Perplexity.Where(pair => pair.Key != "law")
            .ToDictionary(pair => pair.Key, pair => pair.Key == "code" ? double.NaN : pair.Value),
    };
}
