using Bam.Configuration;
using Shouldly;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Bam.Tests.Configuration;

public sealed class YamlReaderTests
{
    [Theory]
    [InlineData("a: &x {b: 1}\nc: *x", """{"a":{"b":1},"c":{"b":1}}""")]
    [InlineData("a: &x 1\nb: &x 2\nc: *x", """{"a":1,"b":2,"c":2}""")]
    [InlineData("a: &k name\n*k : 1", """{"a":"name","name":1}""")]
    [InlineData("base: &b {x: 1, y: 2}\nc: {<<: *b, x: 3}", """{"base":{"x":1,"y":2},"c":{"y":2,"x":3}}""")]
    [InlineData("c: {x: 3, <<: {x: 1, y: 2}}", """{"c":{"x":3,"y":2}}""")]
    [InlineData("c: {<<: [{x: 1}, {x: 2, y: 2}]}", """{"c":{"x":1,"y":2}}""")]
    [InlineData("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}", """{"a":{"x":1},"b":{"x":1,"y":2},"c":{"x":1,"y":2}}""")]
    [InlineData("a: {\"<<\": 1}", """{"a":{"\u003C\u003C":1}}""")]
    [InlineData("a: !!str 5\nb: ! 6\nc: !!map {d: !!seq [1]}", """{"a":"5","b":"6","c":{"d":[1]}}""")]
    [InlineData("a: True\nb: NULL\nc: yes\nd: 0o17\ne: 1_000", """{"a":true,"b":null,"c":"yes","d":"0o17","e":1000}""")]
    [InlineData("a: 1\r\nb: |\r\n  x\r\n  y\r\n", """{"a":1,"b":"x\ny\n"}""")]
    [InlineData("%YAML 1.2\n---\na: 1\n...\n", """{"a":1}""")]
    public void Reads_what_is_exact(string yaml, string json) =>
        YamlJson.Of(YamlReader.Read(yaml, "f.yaml")).ToJsonString().ShouldBe(json);

    [Theory]
    [InlineData("a: 1\n---\nb: 2", "f.yaml:2: expected one YAML document, found a second; remove the '---' line")]
    [InlineData(
        "a:\n  - *b\nc: &b 1", "f.yaml:2: alias '*b' has no anchor '&b' before it; add the anchor or write out what is meant")]
    [InlineData("a: &x 1\nb: &x [*x]", "f.yaml:2: alias '*x' stands inside its own anchor '&x'; write out what is meant")]
    [InlineData("? &a {b: *a}\n: 1", "f.yaml:1: alias '*a' stands inside its own anchor '&a'; write out what is meant")]
    [InlineData("a: &b\n  <<: *b", "f.yaml:2: alias '*b' stands inside its own anchor '&b'; write out what is meant")]
    [InlineData(
        "a: 1\n<<: 2",
        "f.yaml:2: key '<<': expected keys and values, or a list of them, found something else; name an anchor of such, as "
            + "'<<: *common'")]
    [InlineData(
        "<<: [{a: 1}, 2]",
        "f.yaml:1: key '<<': expected keys and values, or a list of them, found something else; name an anchor of such, as "
            + "'<<: *common'")]
    [InlineData("a: !!python/object:os.system x", "f.yaml:1: tag '!!python/object:os.system' is not supported; remove it")]
    [InlineData("a: 1\nb: !!binary aGVsbG8=", "f.yaml:2: tag '!!binary' is not supported; remove it")]
    [InlineData("a: !!set {b, c}", "f.yaml:1: tag '!!set' is not supported; remove it")]
    [InlineData("a: !own x", "f.yaml:1: tag '!own' is not supported; remove it")]
    [InlineData("a: !!map 1", "f.yaml:1: tag '!!map' is not supported; remove it")]
    [InlineData("# nothing", "f.yaml: expected keys and values, found an empty file; see --schema for the keys")]
    [InlineData("- a", "f.yaml:1: expected keys and values, found something else; write 'key: value' lines")]
    [InlineData("a: \"\\0\"", "f.yaml:1: expected text, found a NUL character in it; remove it")]
    [InlineData(
        "a: \"\\UFFFFFFFF\"",
        "f.yaml:1: is not valid YAML (a bracket is not closed behind here, or an escape names no character)")]
    public void Names_the_line_of_what_it_refuses(string yaml, string message) =>
        Should.Throw<InvalidInputException>(() => YamlReader.Read(yaml, "f.yaml")).Message.ShouldBe(message);

    [Theory]
    [InlineData("a:\n\t- b", 1)]
    [InlineData("a: 1\na: 2", 2)]
    [InlineData("a: b: c", 1)]
    [InlineData("a: [1, 2", 2)]
    [InlineData("a: \"\\uD800\"", 1)]
    [InlineData("a: 1\nb: *", 2)]
    [InlineData("k: 1\nz: {a: 1\nb: 2", 2)]
    public void Names_the_line_of_what_is_not_YAML(string yaml, int line) =>
        Should.Throw<InvalidInputException>(() => YamlReader.Read(yaml, "f.yaml")).Message
            .ShouldStartWith($"f.yaml:{line}: is not valid YAML (");

    [Fact]
    public void Sixty_four_levels_are_read_and_no_more()
    {
        YamlReader.Read(Nested(64), "f.yaml").ShouldBeOfType<YamlMappingNode>();
        Should.Throw<InvalidInputException>(() => YamlReader.Read(Nested(65), "f.yaml")).Message
            .ShouldStartWith("f.yaml:1: expected at most 64 levels");
        var halves = $"a: &a {Lists(40)}\nb: {new string('[', 40)}*a";
        Should.Throw<InvalidInputException>(() => YamlReader.Read(halves, "f.yaml")).Message
            .ShouldStartWith("f.yaml:1: expected at most 64 levels");
    }

    [Fact]
    public void Aliases_count_as_what_they_stand_for()
    {
        const string message = "aliases counted as what they stand for";
        var laugh = "a: &a [" + string.Concat(Enumerable.Repeat("x,", 1000)) + "]\nb: ["
            + string.Concat(Enumerable.Repeat("*a,", 98)) + "]";
        YamlReader.Read(laugh, "f.yaml").Children.Count.ShouldBe(2);
        Should.Throw<InvalidInputException>(
            () => YamlReader.Read(
                laugh.Replace("b: [", "b: [*a,*a,", StringComparison.Ordinal), "f.yaml")).Message.ShouldContain(message);
        var text = $"a: &a {new string('x', 1000)}\nb: [" + string.Concat(Enumerable.Repeat("*a,", 2000)) + "]";
        Should.Throw<InvalidInputException>(() => YamlReader.Read(text, "f.yaml")).Message.ShouldContain(message);
    }

    private static string Nested(int levels) => $"a: {Lists(levels - 1)}";

    private static string Lists(int levels) => new string('[', levels) + new string(']', levels);
}
