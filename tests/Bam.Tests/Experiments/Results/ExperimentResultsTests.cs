using Bam.Experiments.Results;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Results;

public sealed class ExperimentResultsTests : IDisposable
{
    private readonly string directory = Directory.CreateTempSubdirectory("bam-results-").FullName;

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void What_is_saved_is_read_back()
    {
        var results = new ExperimentResults
        {
            Recipe = "tiny",
            Created = new DateTimeOffset(2025, 1, 2, 3, 4, 5, TimeSpan.Zero),
            Machine = new MachineSummary("a processor", 2, 1024, "1.13.1", "libopenblas", 2, "cpu"),
            Domains = ["general", "law", "code"],
            Models = [ClaimsTests.Model("seed", ModelKinds.Seed, null, 1, 2, 3), ClaimsTests.Model("btx", ModelKinds.Btx, null, 1, 2, 3)],
            Claims = [new Claim("it works", true, "1 against 2")],
            ResolvedRecipe = "name: tiny\n",
        };
        results.Save(directory);

        var read = ExperimentResults.Load(directory);

        read.ToJson().ShouldBe(results.ToJson());
        read.Reference!.Name.ShouldBe("btx");
        File.ReadAllText(Path.Combine(directory, ExperimentResults.FileName)).ShouldContain("\"mean_perplexity\": 2");
    }

    [Fact]
    public void A_run_without_results_is_named() =>
        Should.Throw<InvalidInputException>(() => ExperimentResults.Load(directory)).Message.ShouldContain(ExperimentResults.FileName);
}
