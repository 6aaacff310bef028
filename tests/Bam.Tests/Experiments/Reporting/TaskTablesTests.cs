using System.Xml.Linq;
using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Bam.Tests.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public class TaskTablesTests
{
    [Fact]
    public void Rows_are_tasks_and_columns_are_models()
    {
        var table = Tables(TaskStudy.Of((0.35, 0.26)))[0];

        Texts(table.Element("thead")!).ShouldBe(["Task", "Items", "Chance", "a", "b"]);
        var rows = table.Element("tbody")!.Elements("tr").ToList();
        Texts(rows[0]).ShouldBe(["choose|acc", "400", "25.0", "35.0| (best)|±\u20092.0", "26.0|±\u20092.0|at chance"]);
        Texts(rows[1]).ShouldBe(["finish|f1, words, 2-shot", "400", "", "–", "12.5"]);
        rows[0].Elements("td").Select(cell => cell.Attribute("class")?.Value).ShouldBe([null, null, "best", ""]);
    }

    [Fact]
    public void None_is_best_where_all_are_equal() =>
        Tables(TaskStudy.Of((0.3, 0.3)))[0].Descendants("td").Select(cell => cell.Attribute("class")?.Value)
            .ShouldNotContain("best");

    [Theory]
    [InlineData(0.32, "clear", "better", "+6.0|+4.0 to +8.0|p 0.040")]
    [InlineData(0.27, "", "same", "+1.0|−1.0 to +3.0|p 0.040")]
    [InlineData(0.20, "clear", "worse", "−6.0|−8.0 to −4.0|p 0.040")]
    public void Differences_have_their_interval_and_p_value(double accuracy, string cellClass, string intervalClass, string text)
    {
        var table = Tables(TaskStudy.Of((accuracy, 0.26)))[1];

        var row = table.Element("tbody")!.Elements("tr").ShouldHaveSingleItem();
        Texts(table.Element("thead")!).ShouldBe(["Task", "a"]);
        Texts(row).ShouldBe(["choose|acc, against b", text]);
        row.Element("td")!.Attribute("class")!.Value.ShouldBe(cellClass);
        row.Element("td")!.Element("small")!.Attribute("class")!.Value.ShouldBe(intervalClass);
    }

    [Fact]
    public void Several_seeds_have_means_and_deviations()
    {
        var tables = Tables(TaskStudy.Of((0.30, 0.26), (0.34, 0.26)));

        Texts(tables[0].Element("tbody")!.Elements("tr").First())[3].ShouldBe("32.0| (best)|±\u20092.8|at chance");
        Texts(tables[1].Element("tbody")!.Element("tr")!)[1].ShouldBe("+6.0|−19.4 to +31.4|p 0.040");
    }

    [Fact]
    public void Without_tasks_there_is_no_section()
    {
        var html = new Html();

        TaskTables.Add(html, SmallStudy.Of((9, 10)));

        html.ToString().ShouldBeEmpty();
    }

    private static List<XElement> Tables(Study study)
    {
        var html = new Html();
        TaskTables.Add(html, study);
        return [.. XElement.Parse(html.ToString()).Descendants("table")];
    }

    // The texts of each cell, those of its parts between bars.
    private static List<string> Texts(XElement row) =>
        [.. row.Descendants().Where(cell => cell.Name.LocalName is "th" or "td")
            .Select(cell => string.Join('|', cell.DescendantNodes().OfType<XText>().Select(text => text.Value)))];
}
