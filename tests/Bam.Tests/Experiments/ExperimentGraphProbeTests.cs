using Bam.Experiments;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments;

public sealed class ExperimentGraphProbeTests : IDisposable
{
    private const string Recipe = ExperimentGraphTests.Recipe;

    private const string Probes = """

        probes:
          verse: { files: [verse.txt] }
          corrupt: { of: [law, code], corrupt: 0.05 }
          mixed: { of: [general, law], pieces: 100 }
        """;

    private readonly string directory = Directory.CreateTempSubdirectory("bam-graph-").FullName;

    public ExperimentGraphProbeTests()
    {
        foreach (var domain in new[] { "general", "law", "code" })
            File.WriteAllText(Path.Combine(directory, $"{domain}.txt"), $"some text about {domain}");
    }

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public void Probes_add_phases_and_change_none()
    {
        File.WriteAllText(Path.Combine(directory, "verse.txt"), "some verse");
        var before = Keys(Recipe);

        var after = Keys(Recipe + Probes);

        foreach (var (phase, key) in before) after[phase].ShouldBe(key);
        after.Keys.Except(before.Keys).ShouldBe(
            ["probe verse", "probe corrupt-law", "probe corrupt-code", "probe mixed", .. AllProbeEvaluations],
            ignoreOrder: true);
    }

    [Theory]
    [InlineData("corrupt: 0.05", "corrupt: 0.1", "probe corrupt-law, probe corrupt-code")]
    [InlineData("pieces: 100", "pieces: 200", "probe mixed")]
    [InlineData("verse: { files: [verse.txt] }", "verse: { files: [verse.txt], max_tokens: 10 }", "probe verse")]
    public void A_changed_probe_is_measured_again_and_nothing_else_is_done(string line, string changed, string expected)
    {
        File.WriteAllText(Path.Combine(directory, "verse.txt"), "some verse");
        Probes.ShouldContain(line);
        var before = Keys(Recipe + Probes);

        var after = Keys(Recipe + Probes.Replace(line, changed, StringComparison.Ordinal));

        after.Where(phase => before[phase.Key] != phase.Value).Select(phase => phase.Key)
            .ShouldBe([.. expected.Split(", "), .. AllProbeEvaluations], ignoreOrder: true);
    }

    [Fact]
    public void A_probe_without_its_file_is_named_before_any_work() =>
        Should.Throw<InvalidInputException>(() => Graph(Recipe + Probes)).Message.ShouldContain("verse.txt: does not exist");

    private static IEnumerable<string> AllProbeEvaluations =>
        ExperimentGraphTests.AllEvaluations.Split(", ").Select(title => $"probe-{title}");

    private Dictionary<string, string> Keys(string recipe) => ExperimentGraphTests.Keys(directory, recipe);

    private ExperimentGraph Graph(string yaml) => ExperimentGraphTests.Graph(directory, yaml);
}
