using Bam.Configuration;
using Bam.Evaluation.Tasks.Definitions;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

public sealed class TaskDefinitionTests
{
    private const string Yaml = """
        published: here
        kind: generate
        prompt: "{q}"
        answer: "{a}"
        until: [x]
        filters: [{ name: first, steps: [{ strip: true }] }, { name: last, steps: [{ strip: true }] }]
        metrics: [{ name: f1 }, { name: exact_match }]
        """;

    [Theory]
    [InlineData("name: last", "name: first", "6: key 'filters': expected different names, found first twice; leave one out or")]
    [InlineData("name: exact_match", "name: f1", "7: key 'metrics': expected different names, found f1 twice; leave one out or")]
    [InlineData("[x]", "[x, '']", "5: key 'until': expected texts, found an empty one; leave it out")]
    public void What_would_be_lost_in_silence_is_refused(string good, string bad, string message)
    {
        ConfigFile.Parse<TaskDefinition>(Yaml, "t.yaml").Metrics.Count.ShouldBe(2);
        Should.Throw<InvalidInputException>(
                () => ConfigFile.Parse<TaskDefinition>(Yaml.Replace(good, bad, StringComparison.Ordinal), "t.yaml"))
            .Message.ShouldStartWith($"t.yaml:{message}");
    }
}
