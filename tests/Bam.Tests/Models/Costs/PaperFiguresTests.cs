using Bam.Models;
using Bam.Models.Costs;
using Shouldly;
using Xunit;

namespace Bam.Tests.Models.Costs;

/// <summary>Every figure of the paper is met, or missed by exactly what the explanation says.</summary>
public sealed class PaperFiguresTests
{
    private static readonly IReadOnlyList<NamedModel> Family = PaperFamily.Of(ModelPresets.All["small"]);

    [Theory]
    [InlineData("dense seed", PaperQuantity.Parameters, 587_209_728, 587_209_728)]
    [InlineData("BTX", PaperQuantity.Parameters, 700_480_512, 700_480_512)]
    [InlineData("BTX", PaperQuantity.ActiveParameters, 587_234_304, 587_234_304)]
    [InlineData("BTX", PaperQuantity.AttentionFlops, 8_912_896, 8_912_896)]
    [InlineData("BTX", PaperQuantity.LayerFlops, 21_510_144, 21_504_000)]
    [InlineData("BTX 6 top-3", PaperQuantity.Parameters, 700_480_512, 775_990_272)]
    [InlineData("BTX 6 top-3", PaperQuantity.ActiveParameters, 662_731_776, 662_744_064)]
    [InlineData("BTX 6 top-3", PaperQuantity.LayerFlops, 46_692_352, 46_673_920)]
    [InlineData("BAM", PaperQuantity.Parameters, 776_002_560, 776_002_560)]
    [InlineData("BAM", PaperQuantity.ActiveParameters, 662_731_776, 662_756_352)]
    [InlineData("BAM", PaperQuantity.AttentionFlops, 35_651_584, 35_651_584)]
    [InlineData("BAM", PaperQuantity.LayerFlops, 48_257_024, 48_250_880)]
    [InlineData("BAM shared KV", PaperQuantity.Parameters, 738_253_824, 738_253_824)]
    [InlineData("BAM shared KV", PaperQuantity.ActiveParameters, 612_400_128, 625_007_616)]
    internal void A_figure_stands_beside_ours(string model, PaperQuantity quantity, long paper, long ours)
    {
        var figure = PaperFigures.Of(Family.Single(member => member.Name == model).Config)
            .Single(known => known.Quantity == quantity);
        figure.Paper.ShouldBe(paper);
        figure.Ours.ShouldBe(ours);
        (figure.Explanation is null).ShouldBe(paper == ours);
    }

    [Fact]
    public void These_are_all() => Family.Sum(member => PaperFigures.Of(member.Config).Count).ShouldBe(14);

    [Fact]
    public void The_explanations_account_for_the_differences()
    {
        const long router = 6 * 4 * 1024, keysAndValues = 6 * 2 * 1024 * 1024, feedForwardExpert = 6 * 3 * 1024 * 2048;
        Difference("BTX", PaperQuantity.LayerFlops).ShouldBe(6_144);
        Difference("BAM", PaperQuantity.LayerFlops).ShouldBe(6_144);
        Difference("BTX 6 top-3", PaperQuantity.LayerFlops).ShouldBe(3 * 6_144);
        Difference("BTX 6 top-3", PaperQuantity.Parameters).ShouldBe(-(2 * feedForwardExpert + router / 2));
        Difference("BTX 6 top-3", PaperQuantity.ActiveParameters).ShouldBe(-router / 2);
        Difference("BAM", PaperQuantity.ActiveParameters).ShouldBe(-router);
        Difference("BAM shared KV", PaperQuantity.ActiveParameters).ShouldBe(-(router + keysAndValues));
    }

    [Fact]
    public void Other_models_have_none()
    {
        PaperFigures.Of(ModelPresets.All["large"]).ShouldBeEmpty();
        PaperFigures.Of(ModelPresets.All["small"] with { NumLocalExperts = 5 }).ShouldBeEmpty();
    }

    private static long Difference(string model, PaperQuantity quantity) =>
        PaperFigures.Of(Family.Single(member => member.Name == model).Config)
            .Single(figure => figure.Quantity == quantity).Difference;
}
