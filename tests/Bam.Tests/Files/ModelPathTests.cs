using Bam.Files;
using Shouldly;
using Xunit;

namespace Bam.Tests.Files;

public sealed class ModelPathTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Theory]
    [InlineData("seed", "seed")]
    [InlineData("seed+law", "seed", "law")]
    [InlineData("seed+law+code", "seed", "law", "code")]
    [InlineData("seed+law/+law", "seed", "law/", "law")]
    [InlineData("c++", "c++")]
    [InlineData("c+++law", "c++", "law")]
    [InlineData("seed+c++", "seed", "c++")]
    [InlineData("a+b", "a+b")] // exists, although a and b do too
    [InlineData("a+b+law", "a+b", "law")]
    [InlineData("seed+nothing", "seed+nothing")]
    [InlineData("nothing+law", "nothing+law")]
    [InlineData("+law", "+law")]
    [InlineData("seed+", "seed+")]
    public void A_text_is_split_where_both_sides_exist(string text, string first, params string[] adapters)
    {
        foreach (var name in new[] { "seed", "law", "code", "c++", "a", "b", "a+b" }) Directory.CreateDirectory(directory[name]);
        var path = ModelPath.Of(string.Join('+', Absolute(text)));
        path.Base.ShouldBe(directory[first]);
        path.Adapters.ShouldBe(adapters.Select(adapter => directory[adapter]));
        ModelPath.Exists(path.ToString()).ShouldBe(adapters.Length > 0 || Directory.Exists(directory[first]));
        ModelPath.Absolute(text, directory.Root).ShouldBe(
            adapters.Length > 0 ? string.Join('+', [directory[first], .. adapters.Select(a => directory[a])]) : directory[text]);

        // Every part of the text that is a folder of its own, as an absolute path.
        IEnumerable<string> Absolute(string relative) =>
            adapters.Length == 0 ? [directory[relative]] : [directory[first], .. adapters.Select(adapter => directory[adapter])];
    }

    [Fact]
    public void An_output_leaves_the_whole_text_to_the_model()
    {
        foreach (var name in new[] { "seed", "law" }) Directory.CreateDirectory(directory[name]);
        var text = $"{directory["seed"]}+{directory["law"]}";
        var path = ModelPath.Of(text);
        foreach (var output in new[] { text, $"{text}/", Path.Combine(text, "mixture") })
            Should.Throw<InvalidInputException>(() => path.RequireNameLeftTo(output)).Message
                .ShouldBe(
                    $"{output}: makes a directory {text}, which would then be meant instead of this model; "
                        + "choose another output");
        path.RequireNameLeftTo($"{text}-merged");
        ModelPath.Of(directory["seed"]).RequireNameLeftTo(text);
    }

    [Theory]
    [InlineData("seed+nothing", "nothing")]
    [InlineData("nothing+seed", "nothing")]
    [InlineData("nothing+nobody", null)]
    [InlineData("nothing", null)]
    [InlineData("seed+", null)]
    public void The_one_side_that_is_missing_is_named(string text, string? missing)
    {
        Directory.CreateDirectory(directory["seed"]);
        var full = string.Join('+', text.Split('+').Select(part => part.Length == 0 ? "" : directory[part]));
        ModelPath.MissingSide(full).ShouldBe(missing is null ? null : directory[missing]);
    }
}
