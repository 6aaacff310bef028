using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public sealed class QuantityTests
{
    [Theory]
    [InlineData("400B", 400e9)]
    [InlineData("80G", 80e9)]
    [InlineData("1.5T", 1.5e12)]
    [InlineData("4e11", 4e11)]
    [InlineData("2_000_000", 2e6)]
    [InlineData("0", 0)]
    public void Numbers_are_read_as_people_write_them(string text, double number) =>
        Quantity.Parse("--tokens", text).ShouldBe(number);

    [Theory]
    [InlineData("")]
    [InlineData("B")]
    [InlineData("-1")]
    [InlineData("4 B")]
    [InlineData("4BB")]
    [InlineData("1,000")]
    [InlineData("1e999")]
    public void What_is_no_number_is_refused(string text) =>
        Should.Throw<InvalidInputException>(() => Quantity.Parse("--tokens", text))
            .Message.ShouldStartWith("--tokens: expected a number such as 400B");

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(999, "999 B")]
    [InlineData(999.6, "1.00 kB")]
    [InlineData(3104010240, "3.10 GB")]
    [InlineData(989e12, "989 TB")]
    public void Short_has_three_digits(double value, string text) => Quantity.Short(value, "B").ShouldBe(text);

    [Theory]
    [InlineData(5, "5.0 s")]
    [InlineData(90, "90 s")]
    [InlineData(441, "7.4 min")]
    [InlineData(7300, "2.0 h")]
    [InlineData(613_000, "7.1 days")]
    [InlineData(1e9, "32 years")]
    public void Durations_take_the_largest_unit_of_which_there_are_two(double seconds, string text) =>
        Quantity.Duration(seconds).ShouldBe(text);

    [Fact]
    public void Tokens_are_counted_in_billions_and_work_in_powers()
    {
        Quantity.Tokens(400e9).ShouldBe("400 B");
        Quantity.Flops(7.84e20).ShouldBe("7.84e20");
    }
}
