using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Scoring;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

public sealed class ChanceLevelTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData(false, (0.5 + 0.25 + 0.25) / 3)]
    [InlineData(true, (((0.5 + 0.25) / 2) + 0.25) / 2)]
    public void Random_choices_are_weighted_as_the_figures(bool alike, double expected)
    {
        File.WriteAllText(directory["items.jsonl"], """
            {"question": "q", "choices": ["w", "x"], "answer": 0, "subject": "law"}
            {"question": "r", "choices": ["w", "x", "y", "z"], "answer": 0, "subject": "law"}
            {"question": "s", "choices": ["w", "x", "y", "z"], "answer": 0, "subject": "logic"}
            """);
        var weights = alike ? SubsetWeights.Equal : SubsetWeights.Items;
        var task = TaskLibrary.Load("mmlu") with { SubsetWeights = weights, Choices = ["{choices}"], Prompt = "{question}" };

        ChanceLevel.Of(TaskLibrary.Load("mmlu", task, new(directory["items.jsonl"], null), limit: null))!.Value
            .ShouldBe(expected, 1e-12);
    }

    [Fact]
    public void Generated_answers_have_none()
    {
        File.WriteAllText(directory["nq.jsonl"], """{"question": "who", "answer": ["he"]}""");

        ChanceLevel.Of(TaskLibrary.Load("nq_open", new(directory["nq.jsonl"], null), new(FewShot: 0))).ShouldBeNull();
    }

    [Fact]
    public void A_number_of_examples_holds_for_all_subsets()
    {
        var task = TaskLibrary.Load("legalbench");
        task.Subsets.Values.ShouldContain(subset => subset.FewShot != null && subset.FewShot != 2);

        var changed = new TaskOptions(FewShot: 2).ApplyTo(task);

        changed.Subsets.Keys.ShouldAllBe(subset => changed.For(subset).FewShot.Count == 2);
        new TaskOptions().ApplyTo(task).ShouldBe(task);
    }
}
