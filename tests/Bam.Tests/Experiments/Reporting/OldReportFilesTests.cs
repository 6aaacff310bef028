using Bam.Experiments.Reporting;
using Bam.Experiments.Studies;
using Bam.Tests.Experiments.Studies;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

/// <summary>What a changed recipe no longer makes is not left beside what it makes.</summary>
public sealed class OldReportFilesTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void Figures_on_tasks_go_when_there_are_no_tasks_any_more()
    {
        StudyReport.Write(TaskStudy.Of((0.5, 0.25)), directory.Root);
        Names().ShouldBe(["small.csv", "small.html", "small.json", "small.tasks.csv"]);

        StudyReport.Write(SmallStudy.Of((9, 10)), directory.Root);

        Names().ShouldBe(["small.csv", "small.html", "small.json"]);
    }

    [Fact]
    public void A_file_that_Bam_did_not_write_stays()
    {
        File.WriteAllText(directory["small.tasks.csv"], "task,who\n");
        File.WriteAllText(directory["figures.json"], "{}");
        File.WriteAllText(directory["figures.csv"], "x,y\n");

        StudyReport.Write(SmallStudy.Of((9, 10)), directory.Root);

        Names().ShouldBe(["figures.csv", "figures.json", "small.csv", "small.html", "small.json", "small.tasks.csv"]);
    }

    [Fact]
    public void The_files_of_one_unit_go_when_random_seeds_are_added_and_the_other_way_round()
    {
        StudyReport.Write(OneUnit(TaskStudy.Of((0.5, 0.25))), directory.Root);
        Names().ShouldBe(["figures.csv", "figures.json", "report.html", "tasks.csv"]);

        StudyReport.Write(TaskStudy.Of((0.5, 0.25)), directory.Root);
        Names().ShouldBe(["small.csv", "small.html", "small.json", "small.tasks.csv"]);

        StudyReport.Write(OneUnit(SmallStudy.Of((9, 10))), directory.Root);
        Names().ShouldBe(["figures.csv", "figures.json", "report.html"]);
    }

    [Theory]
    [InlineData("other", "figures.csv figures.json other.csv other.html other.json report.html")]
    [InlineData("figures", "figures.csv figures.json report.html")]
    public void The_files_of_another_recipe_stay(string name, string files)
    {
        StudyReport.Write(OneUnit(SmallStudy.Of((9, 10))), directory.Root);
        var other = SmallStudy.Of(SmallStudy.RecipeWith() with { Name = name }, (9, 10));

        StudyReport.Write(name == "figures" ? OneUnit(other) : other, directory.Root);

        Names().ShouldBe(files.Split(' '));
    }

    private static Study OneUnit(Study study) => study with { Recipe = study.Recipe with { RandomSeeds = [] } };

    private IEnumerable<string> Names() =>
        Directory.GetFiles(directory.Root).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);
}
