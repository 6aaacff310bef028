using System.Text.Json.Nodes;
using Bam.Evaluation.Tasks.Definitions;
using Bam.Evaluation.Tasks.Prompting;
using Bam.Evaluation.Tasks.Scoring;
using Bam.Evaluation.Tasks.Texts;
using Shouldly;
using Xunit;

namespace Bam.Tests.Evaluation.Tasks;

/// <summary>Filters and metrics against values that follow by hand from lm-evaluation-harness's definitions.</summary>
public class ScoringTests
{
    private static readonly TaskRow Row = new(new JsonObject { ["prompt"] = "def f():\n" }, "test");

    [Theory]
    [InlineData("So 3 + 4.\n#### 1,234.5", "1,234.5")]
    [InlineData("#### -7\n#### 8", "-7")]
    [InlineData("the answer is 7", "[invalid]")]
    public void The_strict_filter_of_gsm8k_takes_the_first_match(string generated, string expected) =>
        Filtered("gsm8k", "strict-match", generated).ShouldBe(expected);

    [Theory]
    [InlineData("He has 3 and pays $1,200. ", "$1,200.")]
    [InlineData("5 apples, 6", "6")]
    [InlineData("I do not know", "[invalid]")]
    public void The_flexible_filter_of_gsm8k_takes_the_last_match(string generated, string expected) =>
        Filtered("gsm8k", "flexible-extract", generated).ShouldBe(expected);

    [Theory]
    [InlineData("18", true)]
    [InlineData("$18.", true)]
    [InlineData("1,8", true)]
    [InlineData("18.0", false)]
    public void Exact_match_of_gsm8k_ignores_what_the_task_says(string text, bool expected) =>
        Score("gsm8k", text, "She sells 9 * 2.\n#### 18").ShouldBe(expected ? 1 : 0);

    [Theory]
    [InlineData("The Beatles", true)]
    [InlineData("beatles!", true)]
    [InlineData("A Beatles", true)]
    [InlineData("Rolling Stones", false)]
    public void One_of_several_answers_is_enough(string text, bool expected) =>
        Score("nq_open", text, "Fab Four", "Beatles").ShouldBe(expected ? 1 : 0);

    [Fact]
    public void A_group_that_is_not_empty_is_taken()
    {
        var pattern = TaskPattern.Of("(a+)|(b+)|c");

        pattern.Find("aa bbb c", 0).ShouldBe("aa");
        pattern.Find("aa bbb c", 1).ShouldBe("bbb");
        pattern.Find("aa bbb c", 2).ShouldBeNull();
        pattern.Find("aa bbb c", -3).ShouldBe("aa");
        pattern.Find("aa bbb c", 3).ShouldBeNull();
        TaskPattern.Of("x").Find("axb", 0).ShouldBe("x");
    }

    [Fact]
    public void Steps_follow_each_other()
    {
        var filter = new TaskFilter
        {
            Name = "test",
            Steps = [new() { Strip = true }, new() { Lowercase = true }, new() { Prepend = "{prompt}" }],
        };

        ResponseFilter.Apply("\x1c  Return X \n", filter, Row).ShouldBe("def f():\nreturn x");
    }

    [Theory]
    [InlineData("The cat sat.", "a cat", 2.0 / 3)]  // cat, sat; cat
    [InlineData("cat cat", "cat", 2.0 / 3)]
    [InlineData("dog", "cat", 0)]
    [InlineData("the", "", 1)]
    [InlineData("", "cat", 0)]
    public void F1_is_that_of_words(string text, string answer, double expected) =>
        TokenF1.Of(text, [answer]).ShouldBe(expected, 1e-12);

    [Fact]
    public void F1_is_the_highest_of_the_references() =>
        TokenF1.Of("black cat", ["dog", "a cat", "black"]).ShouldBe(2.0 / 3, 1e-12);

    [Fact]
    public void Acc_norm_divides_by_code_points()
    {
        var task = TaskLibrary.Load("piqa");
        // -2.9 / 3 = -0.967 and -5.0 / 5 = -1.0: three characters, two of which have two UTF-16 units
        var item = new TaskItem(0, Row, ["Q"], [" 😀😀b", " abcde"], ["😀😀b", "abcde"], Gold: 0, []);

        ItemScores.OfChoices(task, item, [-2.9, -5.0]).ShouldBe(new Dictionary<string, double> { ["acc"] = 1, ["acc_norm"] = 1 });
        ItemScores.OfChoices(task, item, [-3.1, -5.0]).ShouldBe(new Dictionary<string, double> { ["acc"] = 1, ["acc_norm"] = 0 });
        // Equally likely: the first.
        ItemScores.OfChoices(task, item, [-5.0, -5.0])["acc"].ShouldBe(1);
        ItemScores.OfChoices(task, item with { Gold = 1 }, [-5.0, -5.0])["acc"].ShouldBe(0);
    }

    [Fact]
    public void The_standard_error_is_that_of_the_sample()
    {
        // mean 0.75, squares 0.75, variance 0.25, error √(0.25 / 4)
        StandardErrors.Mean([1, 1, 0, 1]).ShouldBe(new MeanScore(0.75, 0.25, 4));
        StandardErrors.Mean([1]).ShouldBe(new MeanScore(1, null, 1));
    }

    [Fact]
    public void Subsets_are_pooled()
    {
        MeanScore[] subsets = [new(0.75, 0.25, 4), new(0.5, 0.5, 2)];

        var weighted = StandardErrors.Pooled(subsets, weightByItems: true);
        var equal = StandardErrors.Pooled(subsets, weightByItems: false);

        weighted.Value.ShouldBe((0.75 * 4 + 0.5 * 2) / 6, 1e-12);
        // (3 · 4 · 0.0625 + 1 · 2 · 0.25) / (6 - 2) = 0.3125, divided by 6 items
        weighted.StandardError!.Value.ShouldBe(Math.Sqrt(0.3125 / 6), 1e-12);
        equal.Value.ShouldBe(0.625, 1e-12);
        equal.StandardError.ShouldBe(weighted.StandardError);
        StandardErrors.Pooled([new(0.5, 0.1, 2), new(1, null, 1)], weightByItems: true).StandardError.ShouldBeNull();
    }

    [Fact]
    public void Models_are_compared_item_by_item()
    {
        double[] first = [1, 0, 0, 1, 0, 0, 0, 1], second = [1, 1, 1, 1, 1, 1, 0, 0];

        var difference = PairedDifference.Of([(first, second)], weightByItems: true);

        // Differences 0, 1, 1, 0, 1, 1, 0, -1: mean 3/8; squares 5 - 8 · (3/8)² = 3.875, divided by 7 and by 8
        difference.Value.ShouldBe(0.375, 1e-12);
        difference.StandardError!.Value.ShouldBe(Math.Sqrt(3.875 / 7 / 8), 1e-12);
        // Five items differ, one of them the other way: 2 · (1 + 5) / 32
        difference.PValue!.Value.ShouldBe(0.375, 1e-12);
    }

    [Fact]
    public void Equal_models_do_not_differ() =>
        PairedDifference.Of([([1, 0], [1, 0]), ([0, 0], [0, 0])], weightByItems: false)
            .ShouldBe(new PairedDifference(0, 0, 1));

    [Fact]
    public void The_test_holds_for_many_items_and_for_scores_of_zero_and_one_alone()
    {
        double[] wrong = [.. Enumerable.Repeat(0.0, 5000)], right = [.. Enumerable.Repeat(1.0, 5000)];

        PairedDifference.Of([(wrong, right)], weightByItems: true).PValue!.Value.ShouldBeLessThan(1e-300);
        PairedDifference.Of([([.. wrong, .. right], [.. right, .. wrong])], weightByItems: true).PValue!.Value.ShouldBe(1, 1e-9);
        PairedDifference.Of([([0.5, 1], [1, 1])], weightByItems: true).PValue.ShouldBeNull();
    }

    private static string Filtered(string task, string filter, string generated) =>
        ResponseFilter.Apply(generated, TaskLibrary.Load(task).Filters.Single(known => known.Name == filter), Row);

    private static double Score(string task, string text, params string[] answers) =>
        ItemScores.OfText(text, TaskLibrary.Load(task).Metrics[0], answers);
}
