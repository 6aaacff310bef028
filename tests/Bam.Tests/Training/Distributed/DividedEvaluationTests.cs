using System.Text.Json;
using Shouldly;
using Xunit;

namespace Bam.Tests.Training.Distributed;

/// <summary>Evaluations whose batches are divided over processes, against one process.</summary>
[Collection(LibTorchCollection.Name)]
public sealed class DividedEvaluationTests : IDisposable
{
    private readonly TinyRun run = new();

    public void Dispose() => run.Dispose();

    [Fact]
    public void Two_processes_score_half_the_batches_each_and_find_the_bits_of_one()
    {
        var file = File("measured");

        var (alone, ranks) = (TrainingRanks.Results(1, "evaluate", file)[0], TrainingRanks.Results(2, "evaluate", file));

        alone[0].ShouldStartWith("count: ");
        alone[1].ShouldStartWith("walk: ");
        foreach (var rank in ranks) rank[..2].ShouldBe(alone[..2]);
        alone[2].ShouldBe("scored 0 1 2 3 4 5 6, totals 0.6000000000000001 1.5");
        ranks[0][2].ShouldBe("scored 0 2 4 6, totals 0.6000000000000001 1.5");
        ranks[1][2].ShouldBe("scored 1 3 5, totals 0.6000000000000001 1.5");
        // One of the two is cancelled, and both stop.
        ranks.ShouldAllBe(rank => rank[3] == "cancelled");
    }

    // The balance of the experts is counted over the batches of all processes in a step, and must not be in an evaluation.
    [Fact]
    public void A_training_writes_the_figures_of_one_process()
    {
        string[] files = [File("parallel"), File("alone")];

        TrainingRanks.Results(2, "join", files[0])[0].ShouldBe(["done"]);
        TrainingRanks.Results(1, "join", files[1])[0].ShouldBe(["done"]);

        var (found, expected) = (Perplexities("parallel"), Perplexities("alone"));
        expected.Length.ShouldBe(4);
        for (var i = 0; i < expected.Length; i++) found[i].ShouldBe(expected[i], 1e-4 * expected[i]);
    }

    private double[] Perplexities(string name) =>
    [
        .. System.IO.File.ReadLines(run[$"{name}/metrics.jsonl"]).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("evaluation", out _))
            .SelectMany(line => line.GetProperty("evaluation").EnumerateObject())
            .Select(domain => domain.Value.GetProperty("perplexity").GetDouble()),
    ];

    // Text to train on is measured, too: only the numbers matter.
    private string File(string name)
    {
        var text = TinyRun.Yaml(name, "evaluate_every: 10", TinyRun.Mixture, steps: 20);
        foreach (var domain in (string[])["count", "walk"])
            text = text.Replace(
                $"path: {domain}\n", $"path: {domain}\n    validation: {domain}/train\n", StringComparison.Ordinal);
        System.IO.File.WriteAllText(run[$"{name}.yaml"], text);
        return run[$"{name}.yaml"];
    }
}
