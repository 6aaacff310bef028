using System.Text.Json;
using Bam.Tokenization.Chat;
using Shouldly;
using Xunit;

namespace Bam.Tests.Tokenization.Chat;

/// <summary>A stranger's template can fail, but neither reach the host nor hold it up.</summary>
public class JinjaLimitsTests
{
    [Theory]
    [InlineData(
        "{% set ns = namespace(a='xx') %}{% for i in range(99) %}{% set ns.a = ns.a + ns.a %}{% endfor %}",
        "t, line 1: a text or list of more than 67108864 items; correct the messages or the template")]
    [InlineData("{{ 'x' * 9999999999 }}", "t, line 1: a text or list of more than 67108864 items; ")]
    [InlineData("{{ [1] * 9999999999 }}", "t, line 1: a text or list of more than 67108864 items; ")]
    [InlineData("{{ range(100001) | list }}", "t, line 1: range too big, at most 100000 numbers; ")]
    [InlineData("{{ 'a'.ljust(9999999999) }}", "t, line 1: a text or list of more than ")]
    [InlineData("{{ '%9999999999d' % 1 }}", "t, line 1: a text or list of more than ")]
    [InlineData("{{ (['a'] * 5000) | join('b' * 99999) }}", "t, line 1: a text or list of more than ")]
    [InlineData("{{ ('a' * 5000 ~ '!').replace('a', 'b' * 99999) | length }}", "t, line 1: a text or list of more than ")]
    public void Limits_end_a_rendering(string template, string message)
    {
        var engine = new JinjaEngine(template, "t", new() { Time = TimeSpan.FromMinutes(10) });
        Should.Throw<InvalidInputException>(() => Render(engine)).Message.ShouldStartWith(message);
    }

    [Fact]
    public void Time_is_limited()
    {
        const string days = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}";
        var engine = new JinjaEngine(days, "t", new() { Time = TimeSpan.FromSeconds(1) });
        Should.Throw<InvalidInputException>(() => Render(engine)).Message
            .ShouldBe("t: needs more than 1 s; use another template, or shorter messages");
    }

    [Theory]
    [InlineData("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
    public void Depth_is_limited_on_a_small_stack(string template)
    {
        Exception? thrown = null;
        var thread = new Thread(
            () => thrown = Record.Exception(() => Render(new JinjaEngine(template, "t"))), maxStackSize: 1 << 20);
        thread.Start();
        thread.Join();
        thrown.ShouldBeOfType<InvalidInputException>().Message
            .ShouldBe("t: needs more than the allowed depth of calls; use another template, or shorter messages");
    }

    [Fact]
    public void Memory_is_limited()
    {
        var template = "{% set ns = namespace(a=[]) %}{% for i in range(9999) %}"
            + "{% set ns.a = ns.a + ['x' * 99999] %}{% endfor %}";
        var engine = new JinjaEngine(template, "t", new() { AllocatedBytes = 64 << 20 });
        Should.Throw<InvalidInputException>(() => Render(engine)).Message
            .ShouldBe("t: needs more than 64 MiB of memory; use another template, or shorter messages");
    }

    [Theory]
    [InlineData("{{ 'a'.constructor is defined }}")]
    [InlineData("{{ [].constructor is defined or [].push is defined or [].map is defined }}")]
    [InlineData("{{ {}.constructor is defined or {}.__proto__ is defined or {}.size is defined }}")]
    [InlineData("{{ namespace().constructor is defined }}")]
    [InlineData("{{ globalThis is defined or Function is defined or System is defined or process is defined }}")]
    [InlineData("{{ range.constructor is defined }}")]
    public void Nothing_of_javascript_shows(string template) => Render(new JinjaEngine(template, "t")).ShouldBe("False");

    [Theory]
    [InlineData("ok\n{% if x %}", "t, line 2: the template ends inside a block; correct the template or use another")]
    [InlineData("ok\n\n{{ x | }}", "t, line 3: ")]
    [InlineData("{{ 'a", "t, line 1: a string without its closing quote; correct the template or use another")]
    [InlineData("a\n{# b", "t, line 2: a comment {# without its end #}; correct the template or use another")]
    [InlineData("a\n{% if x", "t, line 2: a tag without its end %}; correct the template or use another")]
    [InlineData("{% nonsense %}", "t, line 1: Unknown statement type: nonsense; correct the template or use another")]
    public void A_fault_of_syntax_has_a_line(string template, string message) =>
        Should.Throw<InvalidInputException>(() => new JinjaEngine(template, "t")).Message.ShouldStartWith(message);

    [Theory]
    [InlineData("a\nb {{ raise_exception('Roles must\n alternate') }}", "t, line 2: refuses the messages: Roles must alternate")]
    [InlineData("\n{{ x.y }}", "t, line 2: 'x' is undefined; correct the messages or the template")]
    [InlineData(
        "\n{{ 'a' | nope }}",
        "t, line 2: the template uses the filter 'nope', which does not exist; correct the template or use another")]
    [InlineData(
        "{% if 'a' is nope %}{% endif %}",
        "t, line 1: the template uses the test 'nope', which does not exist; correct the template or use another")]
    [InlineData(
        "{{ ['a'] | map('nope') }}",
        "t, line 1: the template uses the filter 'nope', which does not exist; correct the template or use another")]
    [InlineData(
        "{{ ['a'] | select('nope') }}",
        "t, line 1: the template uses the test 'nope', which does not exist; correct the template or use another")]
    [InlineData(
        "{{ nope(1) }}",
        "t, line 1: the template calls the function 'nope', which does not exist; correct the template or use another")]
    [InlineData(
        "{{ 1 + 'a' }}",
        "t, line 1: unsupported operand types for +: 'int' and 'str'; correct the messages or the template")]
    public void A_fault_of_a_rendering_has_a_line(string template, string message) =>
        Should.Throw<InvalidInputException>(() => Render(new JinjaEngine(template, "t"))).Message.ShouldBe(message);

    private static string Render(JinjaEngine engine) =>
        engine.Render(
            JinjaValues.Object(Array.Empty<(string, JsonElement)>()), '\uE000', '\uE001', DateTimeOffset.UnixEpoch, "t");
}
