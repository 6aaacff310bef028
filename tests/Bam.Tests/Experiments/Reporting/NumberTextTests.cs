using Bam.Experiments.Reporting;
using Shouldly;
using Xunit;

namespace Bam.Tests.Experiments.Reporting;

public class NumberTextTests
{
    [Theory]
    [InlineData(0, "0")]
    [InlineData(7, "7")]
    [InlineData(0.25, "0.25")]
    [InlineData(12.345, "12.3")]
    [InlineData(999.4, "999")]
    [InlineData(999.6, "1.00 k")]
    [InlineData(1234567, "1.23 M")]
    [InlineData(776002560, "776 M")]
    [InlineData(3.2e21, "3200 E")]
    [InlineData(-1500, "−1.50 k")]
    [InlineData(double.NaN, "–")]
    public void Compact_keeps_three_digits(double value, string text) =>
        NumberText.Compact(value).ShouldBe(text.Replace(' ', '\u2009'));

    [Theory]
    [InlineData(1, "±0.0 %")]
    [InlineData(0.9996, "±0.0 %")]
    [InlineData(0.955, "−4.5 %")]
    [InlineData(1.2, "+20.0 %")]
    [InlineData(2.304, "+130 %")]
    [InlineData(double.PositiveInfinity, "–")]
    public void Changes_have_a_sign(double ratio, string text) => NumberText.Change(ratio).ShouldBe(text.Replace(' ', '\u2009'));

    [Theory]
    [InlineData(0.5, "0.5 s")]
    [InlineData(48, "48 s")]
    [InlineData(750, "12.5 min")]
    [InlineData(11520, "3.2 h")]
    public void Durations_choose_their_unit(double seconds, string text) =>
        NumberText.Duration(seconds).ShouldBe(text.Replace(' ', '\u2009'));

    [Fact]
    public void Thousands_are_apart() => NumberText.Fixed(-1234567.891, 1).ShouldBe("−1\u2009234\u2009567.9");

    [Theory]
    [InlineData(0, "0")]
    [InlineData(50_000, "50 k")]
    [InlineData(1_500_000, "1.5 M")]
    [InlineData(100, "100")]
    public void Ticks_have_no_trailing_zeros(double value, string text) =>
        NumberText.Tick(value).ShouldBe(text.Replace(' ', '\u2009'));

    [Theory]
    [InlineData("short", "short")]
    [InlineData("exactly-10", "exactly-10")]
    [InlineData("bam-attention-top1", "bam-a…top1")]
    public void Long_names_are_cut_in_the_middle(string name, string text) => NumberText.Shorten(name, 10).ShouldBe(text);
}
